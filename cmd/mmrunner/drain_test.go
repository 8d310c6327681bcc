package main

import (
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

// drain says which of Mailman's own runners works on a queue, and leaves its entries alone unless told otherwise.
func TestDrainStopsBesideAPythonRunner(t *testing.T) {
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: []string{"anne@example.net"}})

	for _, argv := range [][]string{
		{"--runner=BounceRunner:0:1", "-s"},
		{"--runner=BounceRunner:1:2", "-s"}, // a slice of it
		{"-rBounce"},
	} {
		script := filepath.Join(prefix, "bin", "qrunner")
		python := exec.Command(mmtest.Python(t), append([]string{script}, argv...)...)
		if err := python.Start(); err != nil {
			t.Fatal(err)
		}

		until(t, "the runner's command line", func() bool {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", python.Process.Pid))
			return strings.Contains(string(b), "ounce")
		})

		// An entry that this runner has at hand. It is stopped, since it might put the entry back itself.
		if err := python.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}

		bak := filepath.Join(prefix, "qfiles", "bounces", "1.5+"+strings.Repeat("a", 40)+".bak")
		if err := os.MkdirAll(filepath.Dir(bak), 0o770); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(bak, []byte("S'a'\n.(dp1\n."), 0o660); err != nil {
			t.Fatal(err)
		}

		out, err := exec.Command(program(t), "drain", "--prefix", prefix).CombinedOutput()
		want := fmt.Sprintf("process %d since", python.Process.Pid)
		if err == nil || !strings.Contains(string(out), "BounceRunner (Python), slice ") || !strings.Contains(string(out), want) ||
			!strings.Contains(string(out), "--beside-python") {
			t.Errorf("%v: got %v and\n%s\nneed to hear of %s", argv, err, out, want)
		}

		if _, err := os.Stat(bak); err != nil {
			t.Errorf("%v: its entry: %v", argv, err)
		}

		// A queue on which no Python works, and one who knows better.
		for _, args := range [][]string{{"CommandRunner"}, {"--beside-python", "BounceRunner"}} {
			out, err := exec.Command(program(t), append([]string{"drain", "--prefix", prefix}, args...)...).CombinedOutput()
			if err != nil {
				t.Errorf("drain %v: %v:\n%s", args, err, out)
			}
		}

		python.Process.Kill()
		python.Wait()
	}
}

// What stays in a queue is no success.
func TestDrainSaysThatEntriesStay(t *testing.T) {
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: []string{"anne@example.net"}})
	mmtest.Enqueue(t, prefix, mmtest.EntrySpec{Queue: "bounces", List: "test",
		Text: []byte("From: MAILER-DAEMON@example.net\nX-Failed-Recipients: anne@example.net\n\ngone\n")})
	f, err := os.OpenFile(filepath.Join(prefix, "Mailman", "mm_cfg.py"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	fmt.Fprintf(f, "\nLIST_LOCK_TIMEOUT = seconds(1)\n")
	f.Close()
	// Another host's lock, which may not be broken for hours.
	lock := filepath.Join(prefix, "locks", "test.lock")
	claim := lock + ".elsewhere.example.com.77.1"
	if err := os.WriteFile(claim, []byte(claim), 0o660); err != nil {
		t.Fatal(err)
	}

	// A lock's mtime is when its lifetime ends.
	end := time.Now().Add(5 * time.Hour)
	if err := os.Chtimes(claim, end, end); err != nil {
		t.Fatal(err)
	}

	if err := os.Link(claim, lock); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(program(t), "drain", "--prefix", prefix, "BounceRunner")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != statusFound || !strings.Contains(string(out), "BounceRunner: 1 entry stays in the queue; ") {
		t.Errorf("got %v and\n%s\nneed exit status %d and one entry that stays", cmd.ProcessState, out, statusFound)
	}

	cmd = exec.Command(program(t), "status", "--prefix", prefix)
	out, _ = cmd.CombinedOutput()
	if !strings.Contains(string(out), "1  kept ") {
		t.Errorf("got\n%s\nneed a batch of one entry that was kept", out)
	}
}
