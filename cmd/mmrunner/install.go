package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/install"
)

type installOptions struct {
	binary string
	yes    bool
	dryRun bool
}

// addTo adds the flags that install and uninstall share.
func (o *installOptions) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "n", false, "show the change and do not make it")
}

func newInstall(in *installation) *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have mailmanctl start the runners through mmrunner",
		Long: `install makes sure that mmrunner can work on the site (its Python, release, user and group, permissions, and
every list read, written and read again in memory), shows the change to mm_cfg.py, asks, and makes it: a few lines at
the end that set PYTHON, which mailmanctl starts its runners with. mmrunner then is BounceRunner, CommandRunner and
VirginRunner, and becomes Mailman's own Python for all others.

Nothing else changes, and nothing is started or stopped. mmrunner uninstall takes the lines out again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInstall(cmd, in, o) },
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.binary, "binary", "", "the program that mailmanctl is to start (default: this one)")
	return cmd
}

func runInstall(cmd *cobra.Command, in *installation, o installOptions) error {
	s, err := site.Open(in.prefix, site.Options{Watch: true})
	if err != nil {
		return err
	}
	if o.binary == "" {
		if o.binary, err = os.Executable(); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	found := install.Check(cmd.Context(), s, o.binary)
	for _, f := range found {
		fmt.Fprintf(out, "%-7s %s\n", f.Grade, f.Text)
	}
	if install.Failed(found) {
		return fmt.Errorf("%s is not ready for mmrunner; nothing was changed", s.Prefix)
	}
	change := func(src []byte) ([]byte, error) { return install.Added(src, o.binary) }
	before, changed, err := edit(cmd, o, s.Prefix, change)
	if err != nil {
		return err
	}
	if !changed {
		return nil
	}
	if err := install.Confirm(s.Python, s.Prefix, o.binary); err != nil {
		if err2 := install.Replace(config(s.Prefix), before); err2 != nil {
			return fmt.Errorf("%w; and %s could not be put back: %w", err, config(s.Prefix), err2)
		}
		return fmt.Errorf("%w; %s is as it was", err, config(s.Prefix))
	}
	fmt.Fprintf(out, `
Now start the runners anew. mailmanctl reads mm_cfg.py only when it starts, so its restart is not enough:
  %[1]s stop
  %[1]s start
Then see: mmrunner status
`, filepath.Join(s.Prefix, "bin", "mailmanctl"))
	return nil
}

func config(prefix string) string { return filepath.Join(prefix, "Mailman", "mm_cfg.py") }

// edit shows and makes a change to mm_cfg.py, and returns what was in it before.
func edit(cmd *cobra.Command, o installOptions, prefix string, change func([]byte) ([]byte, error)) (before []byte, changed bool, err error) {
	path := config(prefix)
	out := cmd.OutOrStdout()
	before, err = os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	after, err := change(before)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	if install.Overruled(after) {
		return nil, false, fmt.Errorf("%s sets PYTHON again after mmrunner's lines; nothing was changed", path)
	}
	diff := install.Diff(path, before, after)
	if diff == "" {
		fmt.Fprintf(out, "%s needs no change\n", path)
		return before, false, nil
	}
	fmt.Fprintf(out, "\n%s", diff)
	if o.dryRun {
		return before, false, nil
	}
	if !o.yes {
		fmt.Fprintf(out, "\nChange %s? [y/N] ", path)
		answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		fmt.Fprintln(out)
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			if err != nil {
				return nil, false, fmt.Errorf("had no answer, wanted yes, or --yes; nothing was changed")
			}
			return nil, false, fmt.Errorf("nothing was changed")
		}
	}
	if err := install.Replace(path, after); err != nil {
		return nil, false, fmt.Errorf("%w; nothing was changed", err)
	}
	return before, true, nil
}
