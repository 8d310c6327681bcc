package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/install"
)

func init() { register(newUninstall) }

func newUninstall() *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Have mailmanctl start Mailman's own runners again",
		Long: `uninstall takes mmrunner's lines out of mm_cfg.py, which is then what it was before, byte for byte. It shows
the change and asks. Nothing is started or stopped: mmrunner goes on until the runners are started anew, and Mailman's
own then go on with what is queued.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUninstall(cmd, o) },
	}
	o.addTo(cmd)
	return cmd
}

func runUninstall(cmd *cobra.Command, o installOptions) error {
	prefix, err := site.Find(prefixFlag)
	if err != nil {
		return err
	}
	_, changed, err := edit(cmd, o, prefix, install.Removed)
	if err != nil || !changed {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), `
Now start the runners anew. mailmanctl reads mm_cfg.py only when it starts, so its restart is not enough:
  %[1]s stop
  %[1]s start
`, filepath.Join(prefix, "bin", "mailmanctl"))
	return nil
}
