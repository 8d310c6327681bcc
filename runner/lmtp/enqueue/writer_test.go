package enqueue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// testOptions are for a site with two queues.
func testOptions(t *testing.T) Options {
	t.Helper()
	o := optionsAt(t.TempDir())
	o.Complain = func(err error) { t.Log(err) }
	for _, dir := range o.Queues {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.Mkdir(o.DataDir, 0o770); err != nil {
		t.Fatal(err)
	}
	return o
}

func optionsAt(dir string) Options {
	o := Options{DataDir: filepath.Join(dir, "data"), Host: "host", Queues: map[string]string{}, Complain: func(error) {}}
	for _, queue := range []string{"in", "bounces"} {
		o.Queues[queue] = filepath.Join(dir, "qfiles", queue)
	}
	return o
}

// stoppedLog is a writer whose log makes no checkpoints by itself.
func stoppedLog(t *testing.T, o Options) (*Writer, *redoLog) {
	t.Helper()
	l, err := newLog(o)
	if err != nil {
		t.Fatal(err)
	}
	if l == nil {
		t.Skip("no redo log on this system or file system")
	}
	return &Writer{prefix: o.prefix() + "1-", log: l, dirs: map[string]*flusher{}}, l
}

// testEntry is an entry of the queue "in".
func testEntry(o Options, base string, size int) intake.Entry {
	text := []byte(base + "\n" + strings.Repeat("x", size))
	return intake.Entry{Dir: o.Queues["in"], Base: base, Bytes: text}
}

// listed returns the paths in all queues that end so.
func listed(t *testing.T, o Options, suffix string) (paths []string) {
	t.Helper()
	for _, dir := range o.Queues {
		found, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// take takes the entries out of the queues, as runners do, and returns their names.
// Each must be whole.
func take(t *testing.T, o Options) (bases []string) {
	t.Helper()
	for _, path := range listed(t, o, ".pck") {
		base := strings.TrimSuffix(filepath.Base(path), ".pck")
		bases = append(bases, base)
		b, err := os.ReadFile(path)
		text, found := strings.CutPrefix(string(b), base+"\n")
		if err != nil || !found || strings.Trim(text, "x") != "" || len(text) < 100 {
			t.Errorf("%s is not whole: %v, %q", path, err, b)
		}

		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o660 {
			t.Errorf("%s: %v, %v; want mode 660", path, info.Mode(), err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	return bases
}

// More than the log holds comes at once: each entry is acknowledged, and all are there
// when the writer is closed.
func TestLogThatIsFullGoesOn(t *testing.T) {
	o := testOptions(t)
	w, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}

	const each, clients, size = 40, 8, 60_000 // 19 MB
	var failed atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				if err := w.one(testEntry(o, fmt.Sprintf("%d.%d+aa", c, i), size)); err != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(take(t, o)); got != each*clients || failed.Load() > 0 {
		t.Errorf("%d entries are queued and %d failed, want %d and 0", got, failed.Load(), each*clients)
	}
	if left := listed(t, o, ""); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// An entry has its name soon after it was acknowledged, with no other that follows.
func TestLoneEntryHasItsNameSoon(t *testing.T) {
	o := testOptions(t)
	w, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range 3 {
		if err := w.one(testEntry(o, fmt.Sprintf("%d.5+aa", i), 100)); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(30 * time.Second); len(take(t, o)) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("no name after half a minute")
			}
		}
	}
}

// An entry that is larger than the log's records is queued when it is acknowledged.
func TestLargeEntryIsQueuedAtOnce(t *testing.T) {
	o := testOptions(t)
	w, _ := stoppedLog(t, o)
	if err := w.one(testEntry(o, "1.5+aa", largestRecord)); err != nil {
		t.Fatal(err)
	}
	if got := take(t, o); len(got) != 1 {
		t.Errorf("queued %v, want the entry", got)
	}
}

// A queue that is removed between the acknowledgement and the checkpoint is made anew,
// with what was in it.
func TestRemovedQueueIsMadeAnew(t *testing.T) {
	o := testOptions(t)
	w, l := stoppedLog(t, o)
	if err := w.one(testEntry(o, "1.5+aa", 100)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(o.Queues["in"]); err != nil {
		t.Fatal(err)
	}

	if err := l.checkpoint(); err != nil {
		t.Fatal(err)
	}
	if got := take(t, o); len(got) != 1 {
		t.Errorf("queued %v, want the entry", got)
	}
}

// A checkpoint that fails is made again, and no entry is forgotten or queued twice.
func TestFailedCheckpointIsMadeAgain(t *testing.T) {
	o := testOptions(t)
	w, l := stoppedLog(t, o)
	for _, base := range []string{"1.5+aa", "2.5+aa", "3.5+aa"} {
		if err := w.one(testEntry(o, base, 100)); err != nil {
			t.Fatal(err)
		}
	}

	// A directory is in the place of the second entry's name.
	blocked := testEntry(o, "2.5+aa", 0).Path()
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o770); err != nil {
		t.Fatal(err)
	}
	if err := l.checkpoint(); err == nil {
		t.Error("got no error for a name that cannot be had")
	}

	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	if got := take(t, o); len(got) != 2 {
		t.Errorf("queued %v, want the other two", got)
	}
	if err := w.one(testEntry(o, "4.5+aa", 100)); err != nil {
		t.Fatal(err)
	}
	if err := l.checkpoint(); err != nil {
		t.Error(err)
	}
	if got := take(t, o); len(got) != 2 {
		t.Errorf("queued %v, want the second and the fourth", got)
	}
}

// After a flush that failed, an entry is refused and leaves nothing; those that come
// then are flushed by themselves.
func TestLogThatCannotBeFlushedIsLeft(t *testing.T) {
	o := testOptions(t)
	w, l := stoppedLog(t, o)
	eio := errors.New("input/output error")
	for i := range l.current.flushers {
		l.current.flushers[i].sync = func() error { return eio }
	}
	if err := w.one(testEntry(o, "1.5+aa", 100)); !errors.Is(err, eio) {
		t.Errorf("got %v, want %v", err, eio)
	}
	if left := listed(t, o, ""); len(left) > 0 {
		t.Errorf("left %v", left)
	}

	if err := w.one(testEntry(o, "2.5+aa", 100)); err != nil {
		t.Fatal(err)
	}
	if got := take(t, o); len(got) != 1 || got[0] != "2.5+aa" {
		t.Errorf("queued %v, want the second entry", got)
	}
}

// The kernel tells of a write that failed once; whatever was to be flushed with it may be
// lost, so a flush that succeeds afterwards proves nothing.
func TestFlushThatFailedOnceFailsForGood(t *testing.T) {
	eio, calls := errors.New("input/output error"), 0
	f := flusher{sync: failingForGood(func() error {
		calls++
		if calls == 2 {
			return eio
		}
		return nil
	})}
	for i, want := range []error{nil, eio, eio, eio} {
		if err := f.flush(); err != want {
			t.Errorf("flush %d: got %v, want %v", i+1, err, want)
		}
	}
}

// After a checkpoint whose flush failed the files are written anew, since a flush that
// succeeds afterwards does not prove that they are on the disk.
func TestFilesAreWrittenAnewAfterAFlushThatFailed(t *testing.T) {
	o := testOptions(t)
	w, l := stoppedLog(t, o)
	if err := w.one(testEntry(o, "1.5+aa", 100)); err != nil {
		t.Fatal(err)
	}
	l.seal()
	l.sealed.doubtful = true
	for _, tmp := range listed(t, o, temporarySuffix) {
		if err := os.Truncate(tmp, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.checkpoint(); err != nil {
		t.Fatal(err)
	}
	if got := take(t, o); len(got) != 1 {
		t.Errorf("queued %v, want the entry", got)
	}
}
