package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// children are the living processes that pid has started, and those that they have.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}

	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // gone meanwhile
		}

		var child, parent int
		var state string
		i := bytes.LastIndexByte(b, ')')
		fmt.Sscan(string(b), &child)

		if _, err := fmt.Sscan(string(b[i+1:]), &state, &parent); err == nil && parent == pid && state != "Z" {
			all = append(append(all, child), children(t, child)...)
		}
	}

	return all
}

// alive tells which of the processes are still there.
func alive(pids []int) (left []int) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !bytes.Contains(b, []byte(") Z ")) {
			left = append(left, pid)
		}
	}
	return left
}

// A shadow that is killed leaves nothing that works, and what it leaves on the disk does not disturb the next one.
func TestShadowThatIsKilledLeavesNoReplayer(t *testing.T) {
	prefix := mmtest.Clone(t)
	var members []string
	var entries []mmtest.EntrySpec
	for i := range 60 {
		members = append(members, fmt.Sprintf("m%d@example.net", i))
		entries = append(entries, mmtest.EntrySpec{Queue: "bounces", List: "test", Text: fmt.Appendf(nil,
			"From: MAILER-DAEMON@example.net\nX-Failed-Recipients: m%d@example.net\n\ngone\n", i)})
	}

	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: members})
	mmtest.Enqueue(t, prefix, entries...)
	spool := filepath.Join(t.TempDir(), "spool")
	shadow := func() *exec.Cmd {
		return exec.Command(program(t), "shadow", "--once", "--spool", spool, "--prefix", prefix, "BounceRunner")
	}

	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGHUP} {
		cmd := shadow()
		var said bytes.Buffer
		cmd.Stderr = &said

		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		// The replayer of Python's side, and its child, which is at work.
		var started []int
		until(t, "Python at work", func() bool {
			started = children(t, cmd.Process.Pid)
			return len(started) >= 2
		})

		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}

		err := cmd.Wait()
		if sig == syscall.SIGHUP && cmd.ProcessState.ExitCode() != 129 {
			t.Errorf("hung up: got %v and %s, need exit status 129", err, said.String())
		}

		until(t, fmt.Sprintf("the end of %v after %v", started, sig), func() bool { return len(alive(started)) == 0 })
	}

	out, err := shadow().CombinedOutput()
	if err != nil || !strings.Contains(string(out), "60 entries in 1 batch, 60 in agreement, 0 differences") {
		t.Errorf("got %v and\n%s\nneed 60 entries in agreement", err, out)
	}

	left, err := os.ReadDir(spool)
	if err != nil || len(left) != 1 || left[0].Name() != "lock" {
		t.Errorf("got %v, %v in the spool, need its lock alone", left, err)
	}
}

// until waits for something that other processes do.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
