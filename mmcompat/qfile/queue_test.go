package qfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

func bigInt(n int64) *big.Int { return big.NewInt(n) }

func setUmask(mask int) (old int) { return syscall.Umask(mask) }

// mode is a file's type and permission bits as Python's stat has them.
func mode(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(info.Sys().(*syscall.Stat_t).Mode)
}

// newQueue is an empty queue whose clock stands still and whose log is in lines.
func newQueue(t *testing.T) (q *Queue, lines *[]string) {
	t.Helper()
	dir := t.TempDir()
	lines = &[]string{}
	q, err := Open(filepath.Join(dir, "in"), 0, 1, Options{
		BadDir: filepath.Join(dir, "bad"), Schema: 3,
		Now: func() time.Time { return time.Unix(1800000000, 250_000_000) },
		Log: func(line string) { *lines = append(*lines, line) },
	})
	if err != nil {
		t.Fatal(err)
	}

	return q, lines
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}

	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func put(t *testing.T, q *Queue, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(q.dir, name), []byte(content), 0o660); err != nil {
		t.Fatal(err)
	}
}

func TestTheWayOfAnEntry(t *testing.T) {
	q, lines := newQueue(t)
	d := NewData()
	d.Set("listname", "test")
	d.Set("_volatile", 1)
	base, err := q.Enqueue(pickle.Str("From: a@example.com\n\nbody\n"), d)
	if err != nil {
		t.Fatal(err)
	}

	if !strings.HasPrefix(base, "1800000000.25+") {
		t.Errorf("got the name %s", base)
	}

	if _, kept := d.Get("_volatile"); !kept || d.True("version") {
		t.Error("the caller's metadata was changed")
	}

	step := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}

		if got := strings.Join(files(t, q.dir), " "); got != want {
			t.Fatalf("got files %s, need %s", got, want)
		}
	}

	step(base+".pck", nil)
	step(base+".bak", q.Claim(base))
	if err := q.Claim(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an entry was claimed twice: %v", err)
	}

	it, err := q.Read(base, Claimed)
	if err != nil {
		t.Fatal(err)
	}

	m, err := it.Parse()
	if err != nil {
		t.Fatal(err)
	}

	if from, _ := m.Get("from"); from != "a@example.com" || it.Data.Str("listname") != "test" || it.Data.True("_volatile") || !it.Data.True("_parsemsg") {
		t.Errorf("got a message from %q with %s", from, pickle.Repr(it.Data.Dict(), 200))
	}

	step(base+".pck", q.Release(base))
	step(base+".bak", q.Claim(base))
	step("", os.Remove(q.Path(base, Claimed)))
	q.Preserve(base)
	path := q.Path(base, Claimed)
	want := []string{
		"Failed to unlink/preserve backup file: " + path + "\n[Errno 2] No such file or directory",
	}

	if !slices.Equal(*lines, want) {
		t.Errorf("got log lines %q, need %q", *lines, want)
	}
}

// Entries of the same moment are all listed.
func TestEntriesOfTheSameMomentAreAllListed(t *testing.T) {
	q, _ := newQueue(t)
	var want []string
	for i := range 30 {
		base := fmt.Sprintf("%d.5+%040x", 1800000000+i/10, i)
		want = append(want, base)
		put(t, q, base+".pck", "")
	}

	got, err := q.Files(Waiting)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q (%v), need %q", got, err, want)
	}
}

// A file that is no entry is left alone, and named once in the log.
func TestForeignFiles(t *testing.T) {
	q, lines := newQueue(t)
	foreign := []string{"core.pck", "a+b.pck", "1+2+3.pck", "+.pck", "nan+12.pck", ".pck", "1800000000.0.pck"}
	for _, name := range append(foreign, "README", "1.0+ff.pck.tmp", "1.0+ff.psv", "2.0+ff.tmp") {
		put(t, q, name, "x")
	}
	put(t, q, "3.0+ff.pck", "x")
	put(t, q, "4.0+no number.pck", "x")

	for range 2 {
		got, err := q.Files(Waiting)
		if want := []string{"3.0+ff", "4.0+no number"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q (%v), need %q", got, err, want)
		}
	}

	if len(*lines) != len(foreign)-1 { // ".pck" has no base name and is nothing at all
		t.Errorf("got log lines %q, need %d", *lines, len(foreign)-1)
	}

	half, err := Open(q.dir, 0, 2, q.o)
	if err != nil {
		t.Fatal(err)
	}

	*lines = nil
	got, err := half.Files(Waiting)
	if err != nil || !slices.Equal(got, []string{"3.0+ff"}) || !strings.Contains(strings.Join(*lines, "\n"), "hexadecimal") {
		t.Errorf("the first of two slices had %q (%v) and logged %q", got, err, *lines)
	}
}

// An entry that cannot be read says why, and can be preserved as it is.
func TestEntriesThatCannotBeRead(t *testing.T) {
	_, whole, err := Encode(pickle.Str("From: a@example.com\n\nbody\n"), NewData(), 1, 3)
	if err != nil {
		t.Fatal(err)
	}

	cases := map[string]string{
		"1.0+01": "", "2.0+02": "garbage", "3.0+03": string(whole[:len(whole)/2]), "4.0+04": string(whole[:len(whole)-1]),
		"5.0+05": "S'text'\n.]q\x01.", "6.0+06": "I1\n.}q\x01.", "7.0+07": "S'text'\n.}q\x01.",
	}

	for base, content := range cases {
		q, lines := newQueue(t)
		put(t, q, base+".pck", content)
		it, err := q.Read(base, Waiting)
		if err == nil {
			_, err = it.Parse()
		}

		if err == nil || !strings.Contains(err.Error(), base) {
			t.Errorf("%s: got the error %v, need one that names it", base, err)
		}

		if err := q.Claim(base); err != nil {
			t.Fatal(err)
		}

		q.Preserve(base)
		if b, err := os.ReadFile(filepath.Join(q.o.BadDir, base+".psv")); err != nil || string(b) != content {
			t.Errorf("%s: preserved %q (%v)", base, b, err)
		}

		if got := mode(t, q.o.BadDir) & 0o777; got != 0o770 {
			t.Errorf("the bad queue has mode %o", got)
		}

		if len(files(t, q.dir)) != 0 || len(*lines) != 0 {
			t.Errorf("%s: left %q and logged %q", base, files(t, q.dir), *lines)
		}
	}

	q, _ := newQueue(t)
	if err := os.Mkdir(filepath.Join(q.dir, "8.0+08.pck"), 0o700); err != nil {
		t.Fatal(err)
	}

	if _, err := q.Read("8.0+08", Waiting); err == nil {
		t.Error("a directory was read")
	}
}

// A commit in progress keeps its entries, and only its own.
func TestRecoverLeavesACommitsEntries(t *testing.T) {
	q, _ := newQueue(t)
	var bases []string
	for i := range 4 {
		_, b, err := Encode(pickle.Str("text"), NewData(), 1, 3)
		if err != nil {
			t.Fatal(err)
		}

		base := fmt.Sprintf("%d.5+%040x", i, i)
		bases = append(bases, base)
		put(t, q, base+".bak", string(b))
	}

	recovered, err := q.Recover(func(base string) bool { return base == bases[1] })
	if err != nil || !slices.Equal(recovered, []string{bases[0], bases[2], bases[3]}) {
		t.Errorf("recovered %q (%v)", recovered, err)
	}

	want := []string{bases[0] + ".pck", bases[1] + ".bak", bases[2] + ".pck", bases[3] + ".pck"}
	if got := files(t, q.dir); !slices.Equal(got, want) {
		t.Errorf("got files %q, need %q", got, want)
	}

	if err := q.RecoverOne(bases[1]); err != nil {
		t.Error(err)
	}

	if err := q.RecoverOne(bases[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for an entry that waits, need that it is not there", err)
	}

	it, err := q.Read(bases[1], Waiting)
	if n, _ := it.Data.Get("_bak_count"); err != nil || n != pickle.Int(1) {
		t.Errorf("got _bak_count %v (%v), need 1", n, err)
	}
}

// A queue that its parent gives a group keeps that: setgid survives.
func TestGroupOfANewQueue(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o775|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}

	for _, mask := range []int{0, 0o022, 0o077} {
		old := setUmask(mask)
		path := filepath.Join(dir, fmt.Sprint(mask))
		_, err := Open(path, 0, 1, Options{})
		setUmask(old)

		if err != nil {
			t.Fatal(err)
		}

		if got := mode(t, path) & 0o7777; got != 0o2770 {
			t.Errorf("with umask %03o: got mode %04o, need 2770", mask, got)
		}
	}
}

func TestImpossibleSlices(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {-1, 2}, {0, -1}} {
		if _, err := Open(t.TempDir(), c[0], c[1], Options{}); err == nil {
			t.Errorf("slice %d of %d was opened", c[0], c[1])
		}
	}
}

func TestMessagesThatCannotBeQueued(t *testing.T) {
	q, _ := newQueue(t)
	d := NewData()
	d.Set("listname", nil)

	for _, msg := range []any{"a Go string", 5, nil} {
		if _, err := q.Enqueue(msg, NewData()); err == nil {
			t.Errorf("%v was queued", msg)
		}
	}

	var py *py.Error
	if _, err := q.Enqueue(pickle.Str("x"), d); !errors.As(err, &py) || py.Class != "TypeError" {
		t.Errorf("got %v for a listname of None, need Python's TypeError", err)
	}

	if got := files(t, q.dir); len(got) != 0 {
		t.Errorf("left %q", got)
	}
}

// FuzzDecode: whatever lies in a queue, reading it ends in a message or an error
// that names the entry, and what can be read can be recovered and read again.
func FuzzDecode(f *testing.F) {
	for _, c := range queued {
		d := NewData()
		c.data(d)
		var msg any = pickle.Str(c.text)

		if !c.plain {
			m, err := message.Parse(c.text)
			if err != nil {
				f.Fatal(err)
			}
			msg = m
		}

		_, b, err := Encode(msg, d, 1.5, 3)
		if err != nil {
			f.Fatal(err)
		}

		f.Add(b)
		f.Add(b[:len(b)-2])
	}

	f.Add([]byte("(iMailman.Message\nMessage\n(dS'_payload'\n(lsb.(dS'_parsemsg'\nI01\ns."))
	f.Add([]byte("(cemail.message\nMessage\no}b.}."))
	f.Fuzz(func(t *testing.T, b []byte) {
		it, err := Decode("1.5+ff", b)
		if err != nil {
			if !strings.Contains(err.Error(), "1.5+ff") {
				t.Errorf("got the error %v, which does not name the entry", err)
			}
			return
		}

		if m, err := it.Parse(); err == nil {
			// It may be impossible to write, but must not be impossible to try.
			_, _ = m.AsString(false, false)
		}

		q, _ := newQueue(t)
		put(t, q, "1.5+ff.bak", string(b))
		recovered, err := q.Recover(nil)
		if err != nil {
			t.Fatal(err)
		}

		if len(recovered) == 0 {
			if got := files(t, q.o.BadDir); !slices.Equal(got, []string{"1.5+ff.psv"}) {
				t.Errorf("neither recovered nor preserved: %q", got)
			}
			return
		}

		again, err := q.Read("1.5+ff", Waiting)
		if err != nil {
			t.Fatal(err)
		}

		if !pickle.Equal(again.Message, it.Message) {
			t.Error("recovery changed the message")
		}
	})
}
