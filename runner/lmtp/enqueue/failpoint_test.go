package enqueue

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// childOf has this test binary put entries on the site in that directory.
const childOf = "MMRUNNER_TEST_ENQUEUE_SITE"

// childEntries are how many a child puts, one after another.
const childEntries = 4

func TestMain(m *testing.M) {
	dir := os.Getenv(childOf)
	if dir == "" {
		os.Exit(m.Run())
	}

	if err := putAsChild(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// putAsChild puts entries whose numbers follow those that earlier children have used,
// and prints those that are acknowledged. An error of an entry is not its own.
func putAsChild(dir string) error {
	w, err := Open(optionsAt(dir))
	if err != nil {
		return err
	}
	for i := range childEntries {
		base := fmt.Sprintf("%s.%d+aa", os.Getenv(childOf+"_TURN"), i)
		if err := w.one(testEntry(optionsAt(dir), base, 5000)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		fmt.Println(base)
	}
	return w.Close()
}

// Killed at each call that changes a file, in the midst of a write too, or refused it by
// the file system, a process and the next one, which is treated the same way, queue
// each entry that they acknowledged once, and no entry twice.
func TestStoppedAtEachCallEachEntryIsQueuedOnce(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "enqueue.test")
	if out, err := exec.Command("go", "test", "-c", "-tags", "failpoint", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Skipf("no test binary with failpoints: %v\n%s", err, out)
	}

	run := func(o Options, turn, setting string) (acknowledged []string) {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childOf+"="+filepath.Dir(o.DataDir), childOf+"_TURN="+turn, setting)
		out, _ := cmd.Output() // it may have been killed
		return strings.Fields(string(out))
	}

	// How many calls there are.
	o := testOptions(t)
	trace := filepath.Join(t.TempDir(), "trace")
	run(o, "1", "MMRUNNER_FAILTRACE="+trace)
	b, err := os.ReadFile(trace)
	calls := strings.Count(string(b), "\n")
	if had := take(t, o); err != nil || len(had) != childEntries || calls < 30 {
		t.Fatalf("undisturbed: %d calls, %d entries, %v", calls, len(had), err)
	}

	for _, what := range []string{"kill", "tear", "EIO", "ENOSPC"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= calls; n++ {
				o := testOptions(t)
				acknowledged := run(o, "1", fmt.Sprintf("MMRUNNER_FAILPOINT=%s:%d", what, n))
				had := take(t, o) // by a runner that lives on
				acknowledged = append(acknowledged, run(o, "2", fmt.Sprintf("MMRUNNER_FAILPOINT=%s:%d", what, 1+n*7%calls))...)
				w, err := Open(o)
				if err != nil {
					t.Fatalf("after %s at call %d: %v", what, n, err)
				}
				if err := w.Close(); err != nil {
					t.Errorf("after %s at call %d: %v", what, n, err)
				}

				had = append(had, take(t, o)...)
				slices.Sort(had)
				if twice := len(had) - len(slices.Compact(slices.Clone(had))); twice > 0 {
					t.Errorf("%s at call %d: queued twice: %v", what, n, had)
				}
				for _, base := range acknowledged {
					if !slices.Contains(had, base) {
						t.Errorf("%s at call %d: %s was acknowledged and is not queued", what, n, base)
					}
				}
				if left := listed(t, o, ""); len(left) > 0 {
					t.Errorf("%s at call %d: left %v", what, n, left)
				}
			}
		})
	}
}
