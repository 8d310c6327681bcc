package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Under a supervisor there is one mmrunner for a slice, mail is handled as it
// comes, and to be told to stop is a success.
func TestRunForASupervisor(t *testing.T) {
	t.Parallel()
	in := underMailman(t, "")
	var said bytes.Buffer
	cmd := exec.Command(program(t), "run", "-u", "--prefix", in.prefix)
	cmd.Stderr = &said

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	in.until("the start", func() bool { return len(in.pids("Main qrunner loop started.")) == 1 })
	out, err := exec.Command(program(t), "run", "-u", "--prefix", in.prefix, "Command").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "CommandRunner, slice 0 of 1: another mmrunner works on it") {
		t.Errorf("a second one: got error %v and\n%s", err, out)
	}

	// mailmanctl's own waits for its turn.
	next := exec.Command(program(t), filepath.Join(in.prefix, "bin", "qrunner"), "--runner=CommandRunner:0:1", "-s")
	if err := next.Start(); err != nil {
		t.Fatal(err)
	}
	defer next.Process.Kill()
	in.until("another one that waits", func() bool {
		return strings.Contains(in.log("qrunner"), "CommandRunner, slice 0 of 1: another mmrunner works on it; waiting until that ends")
	})
	in.run(subscription("new@example.org"), "scripts/request", "test")
	in.until("a new member", func() bool { return strings.Contains(in.members(), "new@example.org") })

	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}

	in.until("logs that are opened anew", func() bool { return len(in.pids("Main loop qrunner caught SIGHUP.  Reopening logs.")) == 1 })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, need success:\n%s", err, said.String())
	}

	if !strings.Contains(said.String(), "mailmanctl starts BounceRunner too") {
		t.Errorf("got no warning that QRUNNERS has the same runners: %s", said.String())
	}

	in.started("CommandRunner", 1)
	if err := next.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if next.Wait(); next.ProcessState.ExitCode() != int(syscall.SIGTERM) {
		t.Errorf("got %v, need exit status %d", next.ProcessState, syscall.SIGTERM)
	}

	for _, line := range []string{"Main loop qrunner caught SIGTERM.  Stopping.", "Main qrunner loop exiting."} {
		if len(in.pids(line)) != 1 {
			t.Errorf("got no %q in the qrunner log:\n%s", line, in.log("qrunner"))
		}
	}

	if log := in.log("error"); log != "" {
		t.Errorf("got in the error log:\n%s", log)
	}
}
