package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// schemaVersion is that of all JSON that commands print. It grows when a field goes or means something else; new
// fields may come without that.
const schemaVersion = 1

//go:embed jsonfields.txt
var jsonFields string

// newJSONHelp is a page of the help, and no command.
func newJSONHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "json",
		Short: "What the commands print with --json",
		Long: `With --json a command prints one JSON object on standard output, and nothing else. Names are in snake_case, times are
those of RFC 3339, durations are in seconds, and sizes in bytes. A list without items is []. A field that says
nothing may be left out where it is optional. NAME stands for a key that is a name, [] for the items of a list.

schema_version is 1. It grows when a field goes or means something else; new fields come without that.

` + indentLines(jsonFields),
	}
}

// indentLines makes an example of text, which no help wraps.
func indentLines(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
}

// printJSON prints what a command has found out as one JSON object, and nothing else goes to standard output. Names
// are in snake_case, times as in RFC 3339, durations in seconds (NAME_seconds), sizes in bytes (NAME_bytes), and a list
// without items is []. The object begins with "schema_version" and the command's name. No character of it does harm
// on a terminal.
func printJSON(cmd *cobra.Command, result any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(result); err != nil {
		return err
	}

	fields, ok := bytes.CutPrefix(b.Bytes(), []byte("{\n"))
	if !ok {
		return fmt.Errorf("got %T as a result, need what JSON has as an object with fields", result)
	}

	doc := fmt.Appendf(nil, "{\n \"schema_version\": %d,\n \"command\": %q,\n%s", schemaVersion, cmd.Name(), fields)
	_, err := cmd.OutOrStdout().Write(terminal.JSON(doc))
	return err
}
