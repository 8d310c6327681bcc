package main

import (
	"bytes"
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
			return fmt.Errorf("a dead process of mmrunner left work that is not finished yet: %w; call mmrunner uninstall again", err)
		}
	}

	if !changed {
		return nil
	}

	fmt.Fprintf(cmd.OutOrStdout(), `
Now start the runners anew. mailmanctl reads mm_cfg.py only when it starts, so
its restart is not enough:
  %[1]s stop
  %[1]s start
`, filepath.Join(prefix, "bin", "mailmanctl"))

	if bytes.Contains(config.before, []byte("\nMMRUNNER_LMTP = ")) {
		fmt.Fprint(cmd.OutOrStdout(), `
The mail server still gives the lists' mail to mmrunner, which no longer takes
it; it keeps it and tries again. Take out of its configuration what mmrunner
lmtp --config has printed for it, and give it Mailman's aliases again:
  Postfix: transport_maps, relay_domains, relay_recipient_maps or
           local_recipient_maps, lmtp_line_length_limit; then alias_maps and
           virtual_alias_maps with Mailman's files, MTA = 'Postfix' in
           mm_cfg.py, and bin/genaliases
  Exim:    the routers mailman_list and mailman_address, and the transport mailman_lmtp
  others:  the mailer, action or wrapper, and the aliases that bin/genaliases prints
`)
	}

	return nil
}
