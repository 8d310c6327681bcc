package stage

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func write(t *testing.T, name, contents string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(contents), 0o640); err != nil {
		t.Fatal(err)
	}
}

// wantFiles fails unless dir holds just these files.
func wantFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}

		if w, ok := want[e.Name()]; !ok || w != string(b) {
			t.Errorf("%s holds %q, wanted %q (%v)", e.Name(), b, w, ok)
		}
	}

	if len(entries) != len(want) {
		t.Errorf("got %d files, need %d", len(entries), len(want))
	}
}

func newFile(t *testing.T, dir, contents, last string) File {
	t.Helper()
	f, err := New(filepath.Join(dir, "f.tmp"), filepath.Join(dir, "f"), last, 0o664, func(w io.Writer) error {
		_, err := io.WriteString(w, contents)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return f
}

func TestPublishGivesFilesTheirNames(t *testing.T) {
	dir := t.TempDir()
	last := filepath.Join(dir, "f.last")
	for i, want := range []map[string]string{
		{"f": "0"},
		{"f": "1", "f.last": "0"},
		{"f": "2", "f.last": "1"},
	} {
		f := newFile(t, dir, string(rune('0'+i)), last)
		if st, err := os.Stat(f.Tmp); err != nil || st.Mode() != 0o664 {
			t.Errorf("got %v, %v, need mode 0664 whatever the umask", st.Mode(), err)
		}

		if done, err := f.Published(); done || err != nil {
			t.Errorf("before: got %v, %v", done, err)
		}

		// A recovery that does not know how far the commit came does it once more.
		for range 2 {
			if err := f.Publish(nil); err != nil {
				t.Fatal(err)
			}

			wantFiles(t, dir, want)
			if done, err := f.Published(); !done || err != nil {
				t.Errorf("after: got %v, %v", done, err)
			}
		}
	}
}

// A crash may come between any two steps of Publish.
func TestPublishAfterCrash(t *testing.T) {
	for name, crash := range map[string]func(f File) error{
		"before":            func(File) error { return nil },
		"last removed":      func(f File) error { return os.Remove(f.LinkLast) },
		"last linked":       func(f File) error { return errors.Join(os.Remove(f.LinkLast), os.Link(f.Final, f.LinkLast)) },
		"all but forgotten": func(f File) error { return f.Publish(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			last := filepath.Join(dir, "f.last")
			write(t, last, "older")
			write(t, filepath.Join(dir, "f"), "old")
			f := newFile(t, dir, "new", last)
			if err := crash(f); err != nil {
				t.Fatal(err)
			}

			// The journal is all that recovery has.
			b, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}

			var g File
			if err := json.Unmarshal(b, &g); err != nil {
				t.Fatal(err)
			}

			if err := g.Publish(nil); err != nil {
				t.Fatal(err)
			}

			wantFiles(t, dir, map[string]string{"f": "new", "f.last": "old"})
		})
	}
}

// When Tmp is gone and Final is another process's, there is nothing to publish
// and no silence about it.
func TestPublishOvertaken(t *testing.T) {
	dir := t.TempDir()
	f := newFile(t, dir, "ours", "")
	if err := os.Remove(f.Tmp); err != nil {
		t.Fatal(err)
	}

	write(t, f.Final, "theirs")
	if done, err := f.Published(); done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}

	if err := f.Publish(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, need an error about Tmp", err)
	}

	wantFiles(t, dir, map[string]string{"f": "theirs"})
}

func TestRemovalIsPublishedToo(t *testing.T) {
	dir := t.TempDir()
	f := File{Final: filepath.Join(dir, "held")}
	write(t, f.Final, "x")

	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}

	wantFiles(t, dir, map[string]string{"held": "x"})
	for range 2 {
		if err := f.Publish(nil); err != nil {
			t.Fatal(err)
		}
		if done, err := f.Published(); !done || err != nil {
			t.Errorf("got %v, %v", done, err)
		}
	}

	wantFiles(t, dir, nil)
}

func TestDiscardedFilesLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "old")
	f := newFile(t, dir, "new", "")
	for range 2 {
		if err := f.Discard(); err != nil {
			t.Fatal(err)
		}
	}

	wantFiles(t, dir, map[string]string{"f": "old"})
}

// Whatever fails, nothing is left under the temporary name.
func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("broken")
	_, err := New(filepath.Join(dir, "f.tmp"), filepath.Join(dir, "f"), "", 0o660, func(w io.Writer) error {
		w.Write(make([]byte, 1<<20))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	wantFiles(t, dir, nil)
}

func TestIdentityTellsFilesApart(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "x")
	id, err := Identify(a)
	if err != nil {
		t.Fatal(err)
	}

	f, err := os.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if same, err := IdentifyFile(f); same != id || err != nil {
		t.Errorf("got %+v, %v, need %+v", same, err, id)
	}

	if err := os.Rename(a, b); err != nil {
		t.Fatal(err)
	}

	moved, err := Identify(b)
	if err != nil || !moved.SameInode(id) {
		t.Errorf("after a rename: got %+v, %v, need the same file as %+v", moved, err, id)
	}

	write(t, a, "x")
	if other, err := Identify(a); err != nil || other.SameInode(id) {
		t.Errorf("a file with the same contents: got %+v, %v", other, err)
	}

	if _, err := Identify(a + "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// What becomes visible has the time at which it does, however long ago it was
// written; what it replaces keeps its own.
func TestPublishedFileHasTheTimeOfNow(t *testing.T) {
	dir := t.TempDir()
	final, last := filepath.Join(dir, "f"), filepath.Join(dir, "f.last")
	write(t, final, "old")
	f := newFile(t, dir, "new", last)
	older, old := time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	if err := errors.Join(os.Chtimes(final, older, older), os.Chtimes(f.Tmp, old, old)); err != nil {
		t.Fatal(err)
	}

	before := time.Now()
	if err := f.Publish(nil); err != nil {
		t.Fatal(err)
	}

	if st, err := os.Stat(final); err != nil || st.ModTime().Unix() < before.Unix() {
		t.Errorf("got %v, %v, need at least %v", st.ModTime(), err, before)
	}

	if st, err := os.Stat(last); err != nil || !st.ModTime().Equal(older) {
		t.Errorf("the file before: got %v, %v, need %v", st.ModTime(), err, older)
	}

	if done, err := f.Published(); !done || err != nil {
		t.Errorf("got %v, %v, need it to know its file by the new time too", done, err)
	}

	// A recovery may come to it once more, but has no business with another's file.
	if err := errors.Join(os.Rename(final, f.Tmp), os.Chtimes(f.Tmp, old, old), os.Rename(f.Tmp, final), f.Publish(nil)); err != nil {
		t.Fatal(err)
	}

	if st, err := os.Stat(final); err != nil || st.ModTime().Unix() < before.Unix() {
		t.Errorf("once more: got %v, %v, need at least %v", st.ModTime(), err, before)
	}

	write(t, f.Tmp, "another's")
	if err := errors.Join(os.Chtimes(f.Tmp, old, old), os.Rename(f.Tmp, final), f.Date()); err != nil {
		t.Fatal(err)
	}

	if st, err := os.Stat(final); err != nil || !st.ModTime().Equal(old) {
		t.Errorf("another's: got %v, %v, need %v", st.ModTime(), err, old)
	}
}

// BenchmarkMomentLeft is how long it takes from the last look at a file's lock to
// its rename, and the look at its time that follows: a process that is stopped just
// then, for as long as its lock lives, writes over what was saved meanwhile.
func BenchmarkMomentLeft(b *testing.B) {
	dir := b.TempDir()
	final := filepath.Join(dir, "f")
	var left time.Duration
	for b.Loop() {
		f, err := New(final+".tmp", final, final+".last", 0o660, func(w io.Writer) error {
			_, err := io.WriteString(w, "new")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}

		var looked time.Time
		if err := f.Publish(func() error { looked = time.Now(); return nil }); err != nil {
			b.Fatal(err)
		}

		left += time.Since(looked)
	}

	b.ReportMetric(float64(left.Nanoseconds())/float64(b.N), "left-ns/op")
}
