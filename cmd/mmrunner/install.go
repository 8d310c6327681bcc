package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/install"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

type installOptions struct {
	binary   string
	outgoing bool
	lmtp     string
	yes      bool
	dryRun   bool
}

// extras returns what the command line says of them.
func (o *installOptions) extras(cmd *cobra.Command) (e install.Extras) {
	if cmd.Flags().Changed("outgoing") {
		e.Outgoing = &o.outgoing
	}
	if cmd.Flags().Changed("lmtp") {
		address := o.lmtp
		if address == lmtp.None {
			address = ""
		}
		e.LMTP = &address
	}
	return e
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
VirginRunner, with --outgoing OutgoingRunner too, and becomes Mailman's own Python for all others.

Nothing else changes, and nothing is started or stopped. mmrunner uninstall takes the lines out again. Installed once
more, what is not named stays as it is; --outgoing=false and --lmtp=none take these out.

As root it only reads and writes mm_cfg.py; all else is done by a process of Mailman's user.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner install --dry-run
  mmrunner install --yes
  mmrunner install --outgoing --lmtp`,
		Annotations: exits(exitDone, "2 the installation is not ready, or the answer was no; nothing was changed"),
		RunE:        func(cmd *cobra.Command, _ []string) error { return runInstall(cmd, in, o) },
	}

	o.addTo(cmd)
	cmd.Flags().StringVar(&o.binary, "binary", "", "the program that mailmanctl is to start (default: this one)")
	cmd.Flags().BoolVar(&o.outgoing, "outgoing", false, "be OutgoingRunner too, which gives mail to the mail server")
	cmd.Flags().StringVar(&o.lmtp, "lmtp", "", "take mail from the mail server too, on `ADDRESS`; see mmrunner lmtp")
	cmd.Flags().Lookup("lmtp").NoOptDefVal = lmtp.UsualAddress

	return cmd
}

func runInstall(cmd *cobra.Command, in *installation, o installOptions) error {
	prefix, err := site.Find(in.prefix)
	if err != nil {
		return err
	}

	if o.binary == "" {
		if o.binary, err = os.Executable(); err != nil {
			return err
		}
	}

	// This is seen at once, and the rest may take minutes.
	if err := install.CheckProgram(o.binary); err != nil {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	if err := in.step(cmd, prefix, stepCheck, o.binary); err != nil {
		return err
	}

	config, changed, err := edit(cmd, o, prefix, func(src []byte) ([]byte, error) {
		return install.Added(src, o.binary, o.extras(cmd))
	})
	if err != nil || !changed {
		return err
	}
	defer config.Close()

	if err := in.step(cmd, prefix, stepConfirm, o.binary); err != nil {
		if err2 := config.Replace(config.before); err2 != nil {
			return fmt.Errorf("%w; and %s could not be put back: %w", err, config.Path, err2)
		}
		return fmt.Errorf("%w; %s is as it was", err, config.Path)
	}

	fmt.Fprintf(cmd.OutOrStdout(), `
Now start the runners anew. mailmanctl reads mm_cfg.py only when it starts, so
its restart is not enough:
  %[1]s stop
  %[1]s start
Then see: mmrunner status
`, filepath.Join(prefix, "bin", "mailmanctl"))

	if o.lmtp != "" && o.lmtp != lmtp.None {
		fmt.Fprintf(cmd.OutOrStdout(), "And tell the mail server: mmrunner lmtp --config %s\n", strings.Join(lmtp.MailServers, "|"))
	}

	return nil
}

// edited is mm_cfg.py after it was changed, with what it was before.
type edited struct {
	*install.Config
	before []byte
}

// edit shows and makes a change to mm_cfg.py. If the file is edited while it asks, it shows the change and asks again. Close must be called on what it returns if the file was changed.
func edit(cmd *cobra.Command, o installOptions, prefix string, change func([]byte) ([]byte, error)) (e edited, changed bool, err error) {
	answers := bufio.NewReader(cmd.InOrStdin())
	for {
		config, err := install.ReadConfig(prefix)
		if err != nil {
			return edited{}, false, err
		}

		e = edited{config, config.Text}
		changed, err := editOnce(cmd, o, config, answers, change)
		if changed && err == nil {
			return e, true, nil
		}

		config.Close()
		if !errors.Is(err, install.ErrEdited) {
			return edited{}, false, err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "\n%s was edited meanwhile. The change to it as it is now:\n", config.Path)
	}
}

func editOnce(cmd *cobra.Command, o installOptions, config *install.Config, answers *bufio.Reader, change func([]byte) ([]byte, error)) (changed bool, err error) {
	out := cmd.OutOrStdout()
	after, err := change(config.Text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", config.Path, err)
	}
	if install.Overruled(after) {
		return false, fmt.Errorf("%s sets PYTHON again after mmrunner's lines; nothing was changed", config.Path)
	}

	diff := install.Diff(config.Path, config.Text, after)
	if diff == "" {
		fmt.Fprintf(out, "%s needs no change\n", config.Path)
		return false, nil
	}
	fmt.Fprintf(out, "\n%s", diff)
	if o.dryRun {
		return false, nil
	}

	if !o.yes {
		if err := confirm(out, answers, config.Path); err != nil {
			return false, err
		}
	}

	if err := config.Replace(after); err != nil {
		return false, fmt.Errorf("%w; nothing was changed", err)
	}

	return true, nil
}

// confirm returns an error unless the answer is yes.
func confirm(out io.Writer, answers *bufio.Reader, path string) error {
	fmt.Fprintf(out, "\nChange %s? [y/N] ", path)
	answer, err := answers.ReadString('\n')
	fmt.Fprintln(out)

	switch a := strings.ToLower(strings.TrimSpace(answer)); {
	case a == "y" || a == "yes":
		return nil
	case err != nil:
		return errors.New("there was no answer, need yes, or --yes; nothing was changed")
	}

	return errors.New("nothing was changed")
}
