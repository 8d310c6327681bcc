package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// disk holds the part of a recorded run that a file system must remember: which calls made
// which changes to names and to contents, and which of these were flushed.
type disk struct {
	pool  string            // has each file that ever was, by inode, as it was in the end
	root  string            // the world's directory
	names map[string]uint64 // of files before the run
	calls []call
}

// event is a change to names: file ino gets the name to, loses the name from, or
// both.
type event struct {
	from, to string
	ino      uint64
	flushed  bool
}

// contents are the known bytes of a file.
type contents struct {
	now     []byte
	flushed []byte
}

// at returns the changes of the first n calls.
func (d *disk) at(n int) (events []*event, files map[uint64]*contents) {
	files = map[uint64]*contents{}
	names := maps.Clone(d.names) // as all processes see them

	sync := func(dir string) {
		for _, e := range events {
			// One that moves between directories needs both flushed, to be on the safe side.
			if (e.from == "" || within(e.from, dir)) && (e.to == "" || within(e.to, dir)) {
				e.flushed = true
			}
		}
	}

	for _, c := range d.calls[:n] {
		switch c.Op {
		case "open":
			if names[c.Path] != c.Ino {
				names[c.Path] = c.Ino
				files[c.Ino] = &contents{}
				events = append(events, &event{to: c.Path, ino: c.Ino})
			}
			if f := files[c.Ino]; f != nil && int(c.At)&os.O_TRUNC != 0 {
				f.now = nil
			}
		case "write":
			if f := files[names[c.Path]]; f != nil {
				at := int(c.At)
				if at < 0 {
					at = len(f.now)
				}

				b := append([]byte(nil), f.now...)
				b = append(b, make([]byte, max(0, at+len(c.Data)-len(b)))...)
				copy(b[at:], c.Data)
				f.now = b
			}
		case "truncate":
			if f := files[names[c.Path]]; f != nil {
				f.now = f.now[:c.At]
			}
		case "fsync":
			if f := files[names[c.Path]]; f != nil {
				f.flushed = f.now
			}
		case "rename":
			ino := names[c.Path]
			delete(names, c.Path)
			names[c.To] = ino
			events = append(events, &event{from: c.Path, to: c.To, ino: ino})
		case "link":
			names[c.To] = names[c.Path]
			events = append(events, &event{to: c.To, ino: names[c.Path]})
		case "unlink":
			events = append(events, &event{from: c.Path, ino: names[c.Path]})
			delete(names, c.Path)
		case "fsync-dir":
			sync(c.Path)
		case "syncfs":
			sync("")
			for _, f := range files {
				f.flushed = f.now
			}
		}
	}

	return events, files
}

// within tells whether a file is in a directory itself; "" has all.
func within(file, dir string) bool { return dir == "" || filepath.Dir(file) == dir }

// after returns the names and bytes that may be there when the power goes after n
// calls. keep decides of each change that was not flushed whether it is.
func (d *disk) after(n int, keep func() bool, cut func(n int) int) (names map[string]uint64, files map[uint64][]byte) {
	events, all := d.at(n)
	names = maps.Clone(d.names)
	for _, e := range events {
		if !e.flushed && !keep() {
			continue
		}

		// A change that needs one that was lost is lost with it.
		if e.from != "" {
			if names[e.from] != e.ino {
				continue
			}
			delete(names, e.from)
		}

		if e.to != "" {
			names[e.to] = e.ino
		}
	}

	files = map[uint64][]byte{}
	for ino, f := range all {
		switch {
		case bytes.Equal(f.now, f.flushed) || !keep():
			files[ino] = f.flushed
		case bytes.HasPrefix(f.now, f.flushed):
			files[ino] = f.now[:len(f.flushed)+cut(len(f.now)-len(f.flushed)+1)]
		default:
			files[ino] = f.now[:cut(len(f.now)+1)]
		}
	}

	return names, files
}

// wholeClaim matches the content of a lock file of ours.
var wholeClaim = regexp.MustCompile(`\.[0-9]+\.1[0-9]{9}$`)

// restore makes the world what names and files say. List state and queue entries
// keep their inodes, by which a journal knows them.
func (d *disk) restore(names map[string]uint64, files map[uint64][]byte) error {
	// Lock files have to be links of each other, and to nothing else.
	linked := map[uint64]string{}
	for name, ino := range names {
		pooled := filepath.Join(d.pool, fmt.Sprint(ino))
		old, err := os.ReadFile(pooled)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}

		b, made := files[ino]
		if !made {
			b = old
		}

		rel := strings.TrimPrefix(name, d.root+"/")
		if strings.HasPrefix(rel, "locks/") && !wholeClaim.Match(b) {
			// A torn lock does not tell its owner: it stands until its time is over, as it
			// would for Mailman. Here that is so.
			continue
		}

		switch keeps := strings.HasPrefix(rel, "lists/") || strings.HasPrefix(rel, "qfiles/"); {
		case keeps && err == nil && bytes.Equal(b, old):
			err = os.Link(pooled, name)
		case linked[ino] != "":
			err = os.Link(linked[ino], name)
		default:
			linked[ino] = name
			err = os.WriteFile(name, b, 0o660)
			if err == nil {
				err = os.Chmod(name, 0o660) // whatever the umask is
			}
		}

		if err != nil {
			return err
		}
	}

	return nil
}

// record has mmrunner work on a new world, and records it.
func record(t *testing.T, b *bench) *disk {
	t.Helper()
	b.fresh(t)
	d := &disk{pool: filepath.Join(filepath.Dir(b.dir), "pool"), root: b.dir, names: map[string]uint64{}}
	if err := os.Mkdir(d.pool, 0o755); err != nil {
		t.Fatal(err)
	}

	for _, sub := range []string{"lists/*", "qfiles/*", "data", "logs", "locks"} {
		files, err := filepath.Glob(filepath.Join(b.dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}

		for _, file := range files {
			var st syscall.Stat_t
			if err := syscall.Stat(file, &st); err != nil {
				t.Fatal(err)
			}

			d.names[file] = st.Ino
			if err := os.Link(file, filepath.Join(d.pool, fmt.Sprint(st.Ino))); err != nil {
				t.Fatal(err)
			}
		}
	}

	trace := filepath.Join(filepath.Dir(b.dir), "power")
	if err := b.run("MMRUNNER_FAILTRACE="+trace, "MMRUNNER_FAILPOOL="+d.pool); err != nil {
		t.Fatal(err)
	}

	d.calls = readTrace(t, trace)
	return d
}

// empty makes the world's directories new, with nothing in them.
func (b *bench) empty(t *testing.T) {
	t.Helper()
	b.fresh(t)

	for _, sub := range []string{"lists/*", "qfiles/*", "data", "logs", "locks"} {
		files, err := filepath.Glob(filepath.Join(b.dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}

		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whenever the power goes, and whatever the disk then has of what was not flushed:
// each entry takes effect once. What is not promised is log lines, and that
// temporary files go that no journal names.
func TestPowerLoss(t *testing.T) {
	b := newBench(t, small, smallBatch)
	d := record(t, b)
	ignored := []string{"logs/"}
	want := without(b.want, ignored...)
	rnd := rand.New(rand.NewPCG(7, 7))
	cases := []struct {
		what string
		keep func() bool
	}{
		{"nothing that was not flushed is there", func() bool { return false }},
		{"everything is there", func() bool { return true }},
		{"half of what was not flushed is there", func() bool { return rnd.IntN(2) == 0 }},
		{"little of what was not flushed is there", func() bool { return rnd.IntN(5) == 0 }},
		{"most of what was not flushed is there", func() bool { return rnd.IntN(5) > 0 }},
	}

	total := len(d.calls) * len(cases)
	for i := 0; i < total; i += count(total, 25) {
		n, c := 1+i/len(cases), cases[i%len(cases)]
		names, files := d.after(n, c.keep, func(n int) int { return rnd.IntN(n) })
		b.empty(t)

		if err := d.restore(names, files); err != nil {
			t.Fatal(err)
		}

		what := fmt.Sprintf("power lost after call %d of %d, %s %s; %s", n, len(d.calls), d.calls[n-1].Op,
			strings.TrimPrefix(d.calls[n-1].Path, b.dir+"/"), c.what)
		if _, err := Work(context.Background(), b.dir, smallBatch); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		had, err := Read(b.dir)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}

		had = without(had, ignored...)
		maps.DeleteFunc(had, func(k string, _ int) bool {
			return strings.HasPrefix(k, "left behind: ") && strings.Contains(k, ".tmp.")
		})
		if diff := compare(want, had); !diff.Empty() {
			t.Errorf("%s:\n%v", what, diff)
		}
	}
}
