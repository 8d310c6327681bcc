package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner/devtools/record"
)

func newRecord(in *installation) *cobra.Command {
	return &cobra.Command{
		Use:   "record DIR",
		Short: "Record scenes that the installation's Mailman plays",
		Long: `record has the installation's own runners handle scenes of mmrunner's making, in directories of their own,
and writes each scene, with what became of it, to a zip file in DIR. They are what mmrunner's tests replay where
there is no Mailman. Nothing of the installation changes.`,
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := in.open(cmd)
			if err != nil {
				return err
			}

			for _, scene := range record.Scenes {
				if err := record.Record(s, scene, filepath.Join(args[0], scene+".zip")); err != nil {
					return err
				}
			}

			return nil
		},
	}
}
