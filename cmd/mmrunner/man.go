package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manSection is that of commands for administrators.
const manSection = "8"

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write a manual page for each command",
		Long: `man writes mmrunner.8 and one page for each command into a directory, which is made if it is not there.
They say what the commands' own help says. The pages are dated today, or $SOURCE_DATE_EPOCH.`,
		Example:     `  mmrunner man /usr/local/share/man/man8`,
		Args:        cobra.ExactArgs(1),
		Annotations: exits(exitDone, exitNotDone),
		RunE: func(cmd *cobra.Command, args []string) error {
			// Pages are for everybody; main set Mailman's mask.
			defer syscall.Umask(syscall.Umask(0o022))
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // its history section says nothing of mmrunner
			// Without a title each page gets its command's name.
			header := &doc.GenManHeader{Section: manSection, Source: "mmrunner", Manual: "Mailman"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("writing manual pages: %w", err)
			}
			return nil
		},
	}
}
