package kill

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// faults are what a disk, a quota or a limit makes of a call.
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

// Whichever call fails, and for however long: the entries are done or still
// there, somebody is told why, and once the fault is gone all is as it would
// have been.
func TestFaultAtEachCall(t *testing.T) {
	b := newBench(t, small, smallBatch)
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	total := b.calls[len(b.calls)-1].N
	step := count(total*2, 40)
	for i := 0; i < total*2; i += step {
		n := 1 + i/2
		name := names[i%len(names)]
		point := fmt.Sprintf("%s:%d", name, n)
		if i%2 == 1 {
			point += fmt.Sprintf(":%d", n+1+i%13) // and some after it
		}
		b.fresh(t)
		said, err := b.output("MMRUNNER_FAILPOINT=" + point)
		if err != nil && said == "" {
			t.Errorf("%s at %s: %v", point, b.at(n), err)
		}
		log, err := os.ReadFile(filepath.Join(b.dir, "logs", "error"))
		if err != nil && said == "" {
			t.Errorf("%s at %s: %v", point, b.at(n), err)
		}
		if !b.finished(t) && !strings.Contains(said+string(log), faults[name].Error()) {
			t.Errorf("%s at %s: entries are left, and nobody says that %v:\n%s%s", point, b.at(n), faults[name], said, log)
		}
		if _, err := Work(context.Background(), b.dir, smallBatch); err != nil {
			t.Errorf("%s at %s, then without: %v", point, b.at(n), err)
			continue
		}
		had, err := Read(b.dir)
		if err != nil {
			t.Errorf("%s at %s: %v", point, b.at(n), err)
			continue
		}
		ignored := []string{"logs/error: "}
		if strings.Contains(said, "Logging error") {
			ignored = []string{"logs/"}
		}
		if d := Compare(without(b.want, ignored...), without(had, ignored...)); !d.Empty() {
			t.Errorf("%s at %s:\n%v%.2000s%.2000s", point, b.at(n), d, said, log)
		}
	}
}

// finished tells whether both queues are empty.
func (b *bench) finished(t *testing.T) bool {
	t.Helper()
	for _, q := range []string{"bounces", "commands"} {
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
