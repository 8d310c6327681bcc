package main

import (
	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner/dump"
)

type dumpOptions struct {
	asJSON  bool
	secrets bool
}

func newDump(in *installation) *cobra.Command {
	var o dumpOptions
	cmd := &cobra.Command{
		Use:   "dump FILE...",
		Short: "Print any of Mailman's pickles, with the type of every value",
		Long: `dump prints all pickles in a file (config.pck, pending.pck, request.pck, a queue entry, a held message,
bounce events) as Python would write them: 1 is an int, 1L a long, True a bool, 'a' a str and u'a' a unicode, and an
object is its class and attributes. With --json each value is an object with its type. "-" stands for the standard
input. No class is imported and no Mailman is needed.

Passwords are hidden unless --secrets is given. The text of a message is shown as it is, also where somebody mailed
a command with a password.`,
		Example: `  mmrunner dump /usr/local/mailman/lists/mylist/config.pck
  mmrunner dump --json qfiles/shunt/*.pck`,
		Args:        cobra.MinimumNArgs(1),
		Annotations: exits(exitDone, "2 a file could not be read to its end"),
		RunE:        func(cmd *cobra.Command, args []string) error { return runDump(cmd, in, o, args) },
	}

	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print the files as JSON")
	cmd.Flags().BoolVar(&o.secrets, "secrets", false, "show passwords")
	return cmd
}

// dumpDocument is the document that --json prints.
type dumpDocument struct {
	Files []dump.Document `json:"files"`
}

// runDump goes on with the other files where one cannot be read.
func runDump(cmd *cobra.Command, in *installation, o dumpOptions, files []string) error {
	input, err := in.inputs(cmd.InOrStdin(), files...)
	if err != nil {
		return err
	}
	defer input.close()

	doc := dumpDocument{Files: []dump.Document{}}
	failed := 0
	for _, name := range files {
		b, err := input.read(name)
		options := dump.Options{Secrets: o.secrets}
		switch {
		case err != nil:
		case o.asJSON:
			var file dump.Document
			file, err = dump.Read(name, b, options)
			doc.Files = append(doc.Files, file)
		default:
			err = dump.File(cmd.OutOrStdout(), name, b, options)
		}

		if err != nil {
			failed++
			complain(cmd.ErrOrStderr(), err)
		}
	}

	if o.asJSON {
		if err := printJSON(cmd, doc); err != nil {
			return err
		}
	}

	if failed > 0 {
		return &exitError{status: statusNotDone}
	}

	return nil
}
