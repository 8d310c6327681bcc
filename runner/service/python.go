package service

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// PythonRunners is a process of the real interpreter with the runners that are not mmrunner's, where a command line
// names both kinds.
type PythonRunners struct {
	Script string   // BIN_DIR/qrunner
	Args   []string // its options

	cmd *exec.Cmd
}

func (r *PythonRunners) start() error {
	path, argv, err := qrunner.Command(r.Script, r.Args)
	if err != nil {
		return err
	}

	r.cmd = exec.Command(path, argv[1:]...)
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A ^C at the terminal only reaches this process, which passes it on at its end.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return r.cmd.Start()
}

func (r *PythonRunners) signal(sig syscall.Signal) {
	if r.cmd != nil {
		// A process that has ended needs no signal.
		_ = r.cmd.Process.Signal(sig)
	}
}

// wait waits for the process to end. status is the number of the signal that has stopped this process, or 0; the
// child gets the same signal. told says that it has got SIGTERM already.
func (r *PythonRunners) wait(status int, told bool) error {
	if status != 0 {
		r.signal(syscall.Signal(status))
	} else if told {
		status = int(syscall.SIGTERM)
	}

	err := r.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && status != 0 && exit.ExitCode() == status {
		return nil
	}
	return err
}
