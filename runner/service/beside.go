package service

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// Beside is a process of the real interpreter with those runners that are not
// ours, when a command line asks for both kinds.
type Beside struct {
	Script string // BIN_DIR/qrunner
	Args   []string

	cmd *exec.Cmd
}

func (b *Beside) start() error {
	path, argv, err := qrunner.Command(b.Script, b.Args)
	if err != nil {
		return err
	}
	b.cmd = exec.Command(path, argv[1:]...)
	b.cmd.Stdin, b.cmd.Stdout, b.cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A ^C at the terminal is for us; it is told of it in the end.
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return b.cmd.Start()
}

func (b *Beside) signal(sig syscall.Signal) {
	if b.cmd != nil {
		// One that has ended needs no signal.
		_ = b.cmd.Process.Signal(sig)
	}
}

// end waits for the process, which is told to stop if a signal has told us so.
func (b *Beside) end(status int) error {
	if status != 0 {
		b.signal(syscall.Signal(status))
	}
	err := b.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && status != 0 && exit.ExitCode() == status {
		return nil
	}
	return err
}
