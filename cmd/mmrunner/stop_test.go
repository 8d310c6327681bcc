package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A signal ends a command with the status that a shell gives it, says so, and leaves no files.
func TestStoppedCommandsSaySoAndLeaveNothing(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		signal syscall.Signal
		status int
	}{
		{"a long command", []string{"demo", "--members", "200000"}, syscall.SIGINT, 130},
		{"terminated", []string{"demo", "--members", "200000"}, syscall.SIGTERM, 143},
		{"hung up", []string{"demo", "--members", "200000"}, syscall.SIGHUP, 129},
		{"one that reads", []string{"detect", "--builtin", "first.eml", "-"}, syscall.SIGINT, 130},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			work := t.TempDir()
			if err := os.WriteFile(work+"/first.eml", []byte("From: a\n\nb\n"), 0o600); err != nil {
				t.Fatal(err)
			}

			cmd := exec.Command(program(t), test.args...)
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			var said bytes.Buffer
			cmd.Stderr = &said
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}

			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}

			// Its first line comes before the long part of its work.
			lines := bufio.NewReader(out)
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}

			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}

			io.Copy(io.Discard, lines)
			cmd.Wait()

			if got := cmd.ProcessState.ExitCode(); got != test.status {
				t.Errorf("got %v, need exit status %d", cmd.ProcessState, test.status)
			}

			if got := said.String(); !strings.HasSuffix(got, "mmrunner: stopped\n") {
				t.Errorf("got %q, need it to say that it was stopped", got)
			}

			left, err := os.ReadDir(tmp)
			if err != nil || len(left) > 0 {
				t.Errorf("got %v, %v left behind", left, err)
			}
		})
	}
}
