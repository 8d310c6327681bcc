package enqueue

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// stages are how far a checkpoint of three entries got before the machine stopped.
var stages = []struct {
	name    string
	flushed bool // the files are on the disk
	steps   func(l *redoLog) error
}{
	{"before the checkpoint", false, func(*redoLog) error { return nil }},
	{"sealed", false, func(l *redoLog) error { l.seal(); return nil }},
	{"marked", true, func(l *redoLog) error { l.seal(); return l.sealed.mark() }},
	{"one has its name", true, func(l *redoLog) error {
		l.seal()
		it := l.sealed.acknowledged[0]
		if err := l.sealed.mark(); err != nil {
			return err
		}
		return disk.Rename(filepath.Join(it.entry.Dir, it.tmp), it.entry.Path())
	}},
	{"done", true, (*redoLog).checkpoint},
}

// losses are what a power failure takes of a file that was not flushed.
var losses = map[string]func(path string) error{
	"nothing":   func(string) error { return nil },
	"all":       os.Remove,
	"its bytes": func(path string) error { return os.Truncate(path, 0) },
	"its half":  func(path string) error { return os.Truncate(path, 50) },
}

// At whatever moment the machine stops, each acknowledged entry gets its name once,
// whole, and never again after a runner has taken it.
func TestStoppedAnywhereEachEntryIsQueuedOnce(t *testing.T) {
	for _, stage := range stages {
		for loss, lose := range losses {
			if stage.flushed && loss != "nothing" {
				continue
			}
			for _, runner := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, lost %s, runner %v", stage.name, loss, runner), func(t *testing.T) {
					o := testOptions(t)
					w, l := stoppedLog(t, o)
					var entries []intake.Entry
					for i := range 3 {
						entries = append(entries, testEntry(o, fmt.Sprintf("%d.5+aa", i), 100))
					}
					for i, err := range w.Put(entries) {
						if err != nil {
							t.Fatalf("entry %d: %v", i, err)
						}
					}
					if err := stage.steps(l); err != nil {
						t.Fatal(err)
					}

					var had []string
					if runner {
						had = take(t, o)
					}
					for _, tmp := range listed(t, o, temporarySuffix) {
						if err := lose(tmp); err != nil {
							t.Fatal(err)
						}
					}

					// Two starts, since the first may be stopped as well.
					for range 2 {
						again, err := Open(o)
						if err != nil {
							t.Fatal(err)
						}
						if err := again.Close(); err != nil {
							t.Fatal(err)
						}
						had = append(had, take(t, o)...)
					}

					slices.Sort(had)
					if want := []string{"0.5+aa", "1.5+aa", "2.5+aa"}; !slices.Equal(had, want) {
						t.Errorf("queued %v, want %v", had, want)
					}
					if left := listed(t, o, ""); len(left) > 0 {
						t.Errorf("left %v", left)
					}
				})
			}
		}
	}
}

// An entry that was not acknowledged leaves nothing.
func TestRecordWithoutItsEndIsDropped(t *testing.T) {
	for what, spoil := range map[string]func(b []byte) []byte{
		"half written": func(b []byte) []byte { clear(b[60:]); return b },
		"one bit":      func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"its length":   func(b []byte) []byte { b[11] = 0xff; return b },
	} {
		o := testOptions(t)
		w, l := stoppedLog(t, o)
		if err := w.one(testEntry(o, "1.5+aa", 100)); err != nil {
			t.Fatal(err)
		}
		at := l.current.end
		if err := w.one(testEntry(o, "2.5+aa", 100)); err != nil {
			t.Fatal(err)
		}

		path := l.current.f.Name()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copy(b[at:], spoil(slices.Clone(b[at:l.current.end])))
		if err := os.WriteFile(path, b, 0o660); err != nil {
			t.Fatal(err)
		}

		if _, err := Open(o); err != nil {
			t.Fatal(err)
		}
		if got := take(t, o); !slices.Equal(got, []string{"1.5+aa"}) {
			t.Errorf("%s: queued %v, want the first only", what, got)
		}
		if left := listed(t, o, ""); len(left) > 0 {
			t.Errorf("%s: left %v", what, left)
		}
	}
}

// Others of Mailman's group may write to data/: a record leads to no other place.
func TestForgedRecordsAreRefused(t *testing.T) {
	for _, forged := range []struct{ queue, tmp, base string }{
		{"shunt", "mmrunner-lmtp-host-1-1.tmp", "1.5+aa"},
		{"in", "../mmrunner-lmtp-host-1-1.tmp", "1.5+aa"},
		{"in", "mmrunner-lmtp-host-/../../1.tmp", "1.5+aa"},
		{"in", "1.5+aa.pck", "1.5+aa"},
		{"in", "mmrunner-lmtp-host-1-1.tmp", "../1.5+aa"},
		{"in", "mmrunner-lmtp-host-1-1.tmp", ".."},
		{"in", "mmrunner-lmtp-host-1-1.tmp", ""},
	} {
		o := testOptions(t)
		_, l := stoppedLog(t, o)
		if err := l.current.add(item{intake.Entry{Base: forged.base, Bytes: []byte("x")}, forged.tmp}, forged.queue); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "need those of this site") {
			t.Errorf("%v: got %v, want a complaint", forged, err)
		}
	}
}

// What is left of an earlier use of a segment is not taken for a record.
func TestRecordsOfAnEarlierUseAreNotRead(t *testing.T) {
	o := testOptions(t)
	w, l := stoppedLog(t, o)
	for i := range 10 {
		if err := w.one(testEntry(o, fmt.Sprintf("%d.5+aa", i), 100)); err != nil {
			t.Fatal(err)
		}
	}
	used := l.current.f.Name()
	for range 2 {
		if err := l.checkpoint(); err != nil {
			t.Fatal(err)
		}
		take(t, o)
		if err := w.one(testEntry(o, "99.5+aa", 100)); err != nil {
			t.Fatal(err)
		}
	}

	_, _, records, err := readSegment(used)
	if err != nil || l.current.f.Name() != used || len(records) != 1 || records[0].base != "99.5+aa" {
		t.Errorf("%s, written to now: %v; got %d records, %v; want the one of this use", used, l.current.f.Name() == used, len(records), err)
	}
}
