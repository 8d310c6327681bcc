package main

import (
	"bytes"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// schemaVersion is that of all JSON that commands print. It grows when a field goes or means something else; new
// fields may come without that.
const schemaVersion = 1

// document is what every command's --json prints, and nothing else on standard output. Names are in snake_case, times
// as RFC 3339 has them, durations in seconds (NAME_seconds), sizes in bytes, and an empty list is [].
type document struct {
	SchemaVersion int    `json:"schema_version"`
	Command       string `json:"command"`
	Result        any    `json:"result"`
}

// printJSON prints a command's result as a document of which no character does harm on a terminal.
func printJSON(cmd *cobra.Command, result any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(document{schemaVersion, cmd.Name(), result}); err != nil {
		return err
	}
	_, err := cmd.OutOrStdout().Write(terminal.JSON(b.Bytes()))
	return err
}
