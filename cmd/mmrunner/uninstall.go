package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/install"
)

func newUninstall(in *installation) *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Have mailmanctl start Mailman's own runners again",
		Long: `uninstall takes mmrunner's lines out of mm_cfg.py, which is then what it was before, byte for byte. It shows
the change and asks. Nothing is started or stopped: mmrunner goes on until the runners are started anew, and Mailman's
own then go on with what is queued. What processes of mmrunner had begun when they died is finished, since Mailman's own
runners know nothing of it; those that live are left alone.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner uninstall --dry-run
  mmrunner uninstall`,
		Annotations: exits(exitDone, exitNotDone),
		RunE:        func(cmd *cobra.Command, _ []string) error { return runUninstall(cmd, in, o) },
	}
	o.addTo(cmd)
	return cmd
}

func runUninstall(cmd *cobra.Command, in *installation, o installOptions) error {
	prefix, err := site.Find(in.prefix)
	if err != nil {
		return err
	}
	config, changed, err := edit(cmd, o, prefix, install.Removed)
	if err != nil {
		return err
	}
	if changed {
		config.Close()
	}
	if !o.dryRun {
		if err := in.step(cmd, prefix, stepSettle, ""); err != nil {
			return fmt.Errorf("what a process of mmrunner began before it died is not finished yet: %w; call mmrunner uninstall again", err)
		}
	}
	if !changed {
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), `
Now start the runners anew. mailmanctl reads mm_cfg.py only when it starts, so its restart is not enough:
  %[1]s stop
  %[1]s start
`, filepath.Join(prefix, "bin", "mailmanctl"))
	return nil
}
