package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/install"
	"github.com/mmrunner/mmrunner/runner/lmtp"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Steps of install and uninstall that open the installation's data or start its Python.
const (
	stepCheck   = "check"   // look at all that mmrunner needs, and print what was found
	stepConfirm = "confirm" // ask Python what mm_cfg.py says
	stepSettle  = "settle"  // finish what dead processes of mmrunner had begun
)

// newInstallStep is one step as a command: install and uninstall of root start it as Mailman's user.
func newInstallStep(in *installation) *cobra.Command {
	return &cobra.Command{
		Use:    "install-step STEP BINARY",
		Hidden: true,
		Short:  "Do one step of install or uninstall that needs no more than Mailman's user has",
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := in.leaveRoot(); err != nil {
				return err
			}
			return in.doStep(cmd, args[0], args[1])
		},
	}
}

// step does a step with the rights of Mailman's user: in a process of its own if this one is root's, which has to write
// mm_cfg.py afterwards. That process has no terminal to type on, and what it prints is escaped here.
func (in *installation) step(cmd *cobra.Command, prefix, step, binary string) error {
	if os.Geteuid() != 0 {
		return in.doStep(cmd, step, binary)
	}
	u, root, err := privilege.Find(prefix)
	if err != nil {
		return err
	}
	if root {
		return in.doStep(cmd, step, binary)
	}

	child := exec.CommandContext(untilStopped(cmd), "/proc/self/exe", "install-step", "--prefix", prefix, "--", step, binary)
	child.Args[0] = "mmrunner"
	child.Dir = "/"
	child.Stdout, child.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
	child.SysProcAttr = &syscall.SysProcAttr{Credential: u.Credential(), Setsid: true}
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	err = child.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return &exitError{status: exit.ExitCode()} // it has said why
	}
	if err != nil {
		return fmt.Errorf("mmrunner as user %s: %w", u.Name, err)
	}

	return nil
}

func (in *installation) doStep(cmd *cobra.Command, step, binary string) error {
	switch step {
	case stepCheck:
		return in.check(cmd, binary)
	case stepConfirm:
		s, err := in.site(site.Options{Watch: true})
		if err != nil {
			return err
		}
		return install.Confirm(s.Python, s.Prefix, binary)
	case stepSettle:
		return in.settle(cmd)
	}

	return fmt.Errorf("got step %q, need %s, %s or %s", step, stepCheck, stepConfirm, stepSettle)
}

// check looks at all that mmrunner needs, and prints what it finds.
func (in *installation) check(cmd *cobra.Command, binary string) error {
	s, err := in.site(site.Options{Watch: true})
	if err != nil {
		return err
	}

	found := install.Check(untilStopped(cmd), s, binary)
	for _, f := range found {
		fmt.Fprintf(cmd.OutOrStdout(), "%-7s %s\n", f.Grade, f.Text)
	}
	if install.Failed(found) {
		return fmt.Errorf("%s is not ready for mmrunner; nothing was changed", s.Prefix)
	}
	return nil
}

// settle finishes what mmrunner processes had begun when they died, of which Mailman's own runners know nothing.
func (in *installation) settle(cmd *cobra.Command) error {
	s, err := in.site(site.Options{Watch: true})
	if err == nil {
		err = s.Problem
	}

	if err != nil {
		return err
	}
	env := txn.NewEnv(s)
	defer env.Log.Close()
	r, err := engine.Recover(untilStopped(cmd), env)
	if err != nil {
		return err
	}

	if r.Finished+r.Undone > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "finished %d commits of processes that died, and put %d entries back\n", r.Finished, r.Undone)
	}

	return errors.Join(append(r.Problems, lmtp.Settle(s))...)
}
