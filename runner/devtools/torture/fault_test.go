package torture

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mmrunner/mmrunner/runner/events"
)

// faults are the errors that a disk, a quota or a limit gives a call.
var faults = map[string]syscall.Errno{
	"ENOSPC": syscall.ENOSPC, "EDQUOT": syscall.EDQUOT, "EIO": syscall.EIO,
	"EROFS": syscall.EROFS, "EMFILE": syscall.EMFILE, "EACCES": syscall.EACCES,
}

// without is a state without some logs' lines: the error log tells of the faults,
// and what cannot be logged is lost, as it is to Mailman, but for standard error.
func without(s State, logs ...string) State {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(k string, _ int) bool {
		for _, log := range logs {
			if strings.HasPrefix(k, log) {
				return true
			}
		}
		// An entry that could not be claimed is one less to be counted with the others.
		return strings.Contains(k, "queued bounces")
	})

	return s
}

// lasting is how many of the calls that follow fail as well.
func lasting(i int) int { return []int{0, 1, 2 + i%13, 1 << 30}[i%lasts] }

const lasts = 4

// Whichever call that changes a file fails, with whichever error, and for however
// long: the entries are done or still there, a log says why, and once the
// fault is gone all is as it would have been.
func TestFaultAtEachCall(t *testing.T) {
	b := newBench(t, small, smallBatch)
	b.faults(t, "MMRUNNER_FAILPOINT", b.calls)
}

// The same holds for those that only look: what cannot be seen now is not taken
// for something that is not there, or broken.
func TestFaultAtEachLook(t *testing.T) {
	b := newBench(t, small, smallBatch)
	b.faults(t, "MMRUNNER_FAILLOOK", b.looks)
}

// faults has each of the calls fail with each of the errors, once, twice, for a
// while and until the process ends.
func (b *bench) faults(t *testing.T, env string, calls []call) {
	names := slices.Sorted(maps.Keys(faults))
	total := calls[len(calls)-1].N
	all := total * len(names) * lasts
	t.Logf("%d calls, %d faults", total, all)

	// A step that has a divisor in common with these would always meet the same ones.
	step := count(all, 40) | 1
	for step%3 == 0 {
		step += 2
	}
	for i := 0; i < all; i += step {
		n, name := 1+i/lasts/len(names), names[i/lasts%len(names)]
		b.fault(t, env, name, n, n+lasting(i), at(calls, b.dir, n))
	}
}

func (b *bench) fault(t *testing.T, env, name string, from, to int, where string) {
	t.Helper()
	b.fresh(t)
	point := fmt.Sprintf("%s:%d:%d", name, from, to)
	said, err := b.output(env + "=" + point)
	if err != nil && said == "" {
		t.Errorf("%s at %s: %v", point, where, err)
	}

	log, err := os.ReadFile(filepath.Join(b.dir, "logs", "error"))
	if err != nil && said == "" {
		t.Errorf("%s at %s: %v", point, where, err)
	}

	if !b.finished(t) && !strings.Contains(said+string(log), faults[name].Error()) {
		t.Errorf("%s at %s: entries are left, and nobody says that %v:\n%s%s", point, where, faults[name], said, log)
	}

	if _, err := Work(context.Background(), b.dir, smallBatch); err != nil {
		t.Errorf("%s at %s, then without: %v", point, where, err)
		return
	}
	had, err := Read(b.dir)
	if err != nil {
		t.Errorf("%s at %s: %v", point, where, err)
		return
	}

	ignored := []string{"logs/error: "}
	if strings.Contains(said, "Logging error") {
		ignored = []string{"logs/", "data/" + events.Log}
	}

	if d := compare(without(b.want, ignored...), without(had, ignored...)); !d.Empty() {
		t.Errorf("%s at %s:\n%v%.2000s%.2000s", point, where, d, said, log)
	}
}

// finished tells whether the queues are empty.
func (b *bench) finished(t *testing.T) bool {
	t.Helper()
	for _, q := range []string{"bounces", "commands", "virgin"} {
		left, err := os.ReadDir(filepath.Join(b.dir, "qfiles", q))
		if err != nil {
			t.Fatal(err)
		}

		if len(left) > 0 {
			return false
		}
	}

	return true
}
