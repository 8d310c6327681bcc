package torture

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Killed at any of the calls that change files while it gives messages to the mail
// server, OutgoingRunner loses nothing: of each kill no more than the one recipient
// in flight has a message twice, and the next process finishes the rest.
func TestOutgoingKilledAtEachCall(t *testing.T) {
	exe := build(t)
	const messages = 4
	box, err := NewMailbox()
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		t.Fatal(err)
	}

	work := func(world string, env ...string) error {
		cmd := exec.Command(exe, "torture-work", "--batch-size=3", fmt.Sprintf("--smtp-port=%d", box.Port()), world)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			return errKilled
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}

	fresh := func(name string) string {
		world := filepath.Join(dir, name)
		if err := os.Mkdir(world, 0o755); err != nil {
			t.Fatal(err)
		}

		if err := makeOutgoing(world, messages); err != nil {
			t.Fatal(err)
		}
		return world
	}

	world, trace := fresh("undisturbed"), filepath.Join(dir, "trace")
	if err := work(world, "MMRUNNER_FAILTRACE="+trace); err != nil {
		t.Fatal(err)
	}

	calls := readTrace(t, trace)
	var alone delivered
	if err := alone.Count(world, messages, box.Take()); err != nil {
		t.Fatal(err)
	}

	if alone.Lost+alone.Twice+len(alone.Wrong) > 0 {
		t.Fatalf("an undisturbed run: got %+v, need nothing", alone)
	}

	total := calls[len(calls)-1].N
	t.Logf("%d calls", total)
	twice, kills := 0, 0
	for n := 1; n <= total; n += count(total, 40) {
		world := fresh(fmt.Sprint(n))
		what := "kill"

		if n%2 == 0 {
			what = "tear" // is a kill where the call is no write
		}

		if err := work(world, fmt.Sprintf("MMRUNNER_FAILPOINT=%s:%d", what, n)); !errors.Is(err, errKilled) {
			t.Fatalf("%s: got %v, need it killed", at(calls, world, n), err)
		}

		if err := work(world); err != nil {
			t.Fatalf("after %s: %v", at(calls, world, n), err)
		}

		var d delivered
		if err := d.Count(world, messages, box.Take()); err != nil {
			t.Fatal(err)
		}

		kills++
		twice += d.Twice
		if d.Lost > 0 || d.Twice > 1 || len(d.Wrong) > 0 {
			t.Errorf("%s at %s: got %+v, need nothing lost, and one copy more at most", what, at(calls, world, n), d)
		}

		if err := os.RemoveAll(world); err != nil {
			t.Fatal(err)
		}
	}

	t.Logf("%d kills, %d copies more", kills, twice)
}
