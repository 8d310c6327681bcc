package verify

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
)

// The checks from which a finding may come.
const (
	checkRead     = "read"           // mmrunner cannot read the file
	checkWrite    = "write"          // what mmrunner writes is read as something else
	checkSplice   = "splice"         // the same, in the way a config.pck is saved
	checkMessage  = "message"        // a message changes when it is taken apart and put together
	checkGopickle = "gopickle"       // gopickle reads something else
	checkPython   = "cPickle"        // the site's Python reads something else
	checkWritten  = "cPickle, write" // the site's Python reads something else in what mmrunner wrote
	checkPair     = "pair"           // two files that were compared differ
	CheckDoubt    = "doubt"          // sound, but unlike what Mailman keeps; see doubts
)

// Finding is a difference, or a fault of a file.
type Finding struct {
	File  string `json:"file"`
	Kind  Kind   `json:"kind"`
	List  string `json:"list,omitempty"`
	Check string `json:"check"`
	// Path is the place in the file, as Python would write it: ['members']['anne@example.com'].
	Path   string `json:"path"`
	Had    string `json:"got"`
	Wanted string `json:"need"`
}

func (f Finding) String() string {
	in := f.File
	if f.List != "" {
		in = "list " + f.List + ", " + in
	}
	return fmt.Sprintf("%s: %s: %s: got %s, need %s", in, f.Check, f.Path, f.Had, f.Wanted)
}

// checker is shared by the checks of one file.
type checker struct {
	python *Python
	max    int
	file   File

	findings      []Finding
	read, write   time.Duration
	pyTime        time.Duration
	asked         bool // Python read it
	gopickle      bool // gopickle read it
	values        []pickle.Value
	unsaid        error // why Python could not answer
	pickles, size int
}

func (c *checker) find(check, path, had, wanted string) {
	c.findings = append(c.findings, Finding{c.file.Path, c.file.Kind, c.file.List, check, path, had, wanted})
}

// differ adds the differences between two values, had and wanted, below a path.
func (c *checker) differ(check, at string, ds []pickle.Difference) {
	for _, d := range ds {
		d = Masked(d)
		if c.file.Kind == Requests {
			d.A, d.B = hidden(d.A), hidden(d.B) // a subscription's password is known only by its place in a tuple
		}

		path := at
		if d.Path != "the value itself" || at == "" {
			path += d.Path
		}

		c.find(check, path, d.A, d.B)
	}
}

// at names the n-th pickle of the file, "" for an only one.
func (c *checker) at(n int) string {
	switch {
	case c.file.Kind == entry && n == 0:
		return "message"
	case c.file.Kind == entry && n == 1:
		return "metadata"
	case c.file.Kind == Events:
		return fmt.Sprintf("event %d", n+1)
	case n > 0:
		return fmt.Sprintf("pickle %d", n+1)
	}

	return ""
}

// run checks all pickles of a file's bytes.
func (c *checker) run(b []byte) {
	c.size = len(b)
	var again bytes.Buffer
	rest := b
	// A queue entry has two pickles, other files one.
	for len(rest) > 0 {
		start := time.Now()
		v, after, err := pickle.Load(rest)
		c.read += time.Since(start)

		if err != nil {
			where := c.at(c.pickles)
			if where == "" {
				where = "the pickle"
			}

			at := fmt.Sprintf("%s, which begins at byte %d of %d", where, len(b)-len(rest), len(b))
			c.find(checkRead, at, err.Error(), "a whole pickle")
			break
		}

		one := rest[:len(rest)-len(after)]
		c.value(v, one, &again)
		c.values = append(c.values, v)
		c.pickles++
		rest = after
	}

	// An entry without metadata is torn, even where its message is whole.
	broken := len(c.findings) > 0 && len(rest) > 0
	if want := wanted(c.file.Kind); !broken && want > 0 && c.pickles != want {
		c.find(checkRead, "the file", fmt.Sprintf("%s in %d bytes", count(c.pickles), len(b)), fmt.Sprint(want))
	}

	// The site's own Python reads the file, and what mmrunner has written of it.
	if c.python != nil {
		c.askPython(b, again.Bytes(), broken)
	}
}

// wanted returns how many pickles a file of that kind has, 0 for any number.
func wanted(k Kind) int {
	switch k {
	case entry:
		return 2
	case Events, anyKind:
		return 0
	}
	return 1
}

func count(n int) string {
	if n == 1 {
		return "1 pickle"
	}
	return fmt.Sprintf("%d pickles", n)
}

// value checks one pickle of the file, and adds what mmrunner writes of it to again.
func (c *checker) value(v pickle.Value, b []byte, again *bytes.Buffer) {
	// Written in the protocol that the file has, and read again: nothing may be lost.
	at := c.at(c.pickles)
	proto := protocol(b)
	start := time.Now()
	written, err := pickle.Dump(v, proto)
	c.write += time.Since(start)
	if err != nil {
		c.find(checkWrite, at, err.Error(), "to be able to write it")
		return
	}

	again.Write(written)
	back, left, err := pickle.Load(written)
	switch {
	case err != nil:
		c.find(checkWrite, at, err.Error(), "to read what was written")
	case len(left) > 0:
		c.find(checkWrite, at, fmt.Sprintf("%d bytes left over", len(left)), "none")
	default:
		c.differ(checkWrite, at, pickle.DiffShared(back, v, c.max))
	}

	// Config files are saved by splicing, and messages by way of package message.
	if c.file.Kind == Config {
		c.splice(v, b)
	}

	if in, ok := v.(*pickle.Instance); ok && (c.file.Kind == entry || c.file.Kind == Held) {
		c.message(at, in)
	}

	// A reader that shares no code with package pickle.
	theirs, err := readGopickle(b, proto == 0)
	if err == nil {
		c.gopickle = true
		c.differ(checkGopickle, at, pickle.Diff(neutral(v, true), theirs, c.max))
	} else if !errors.Is(err, errGopickle) {
		c.find(checkGopickle, at, err.Error(), "to compare with gopickle's reading")
	}
}

// protocol guesses the protocol of a pickle from its beginning.
func protocol(b []byte) int {
	if len(b) > 1 && b[0] == 0x80 {
		return 2
	}

	if len(b) > 1 && b[0] == '(' {
		b = b[1:]
	}

	if bytes.IndexByte([]byte("SVILFNdlit("), b[0]) >= 0 {
		return 0
	}
	return 1
}

// splice checks a config.pck in the way in which it is saved: indexed, its values set, and written from old bytes and
// new ones.
func (c *checker) splice(v pickle.Value, b []byte) {
	d, err := pickle.OpenDocument(b)
	if err != nil {
		c.find(checkSplice, "the file", err.Error(), "a dict with str keys")
		return
	}

	want, _ := v.(*pickle.Dict)
	// Each value by itself, set to what it is: from now on all bytes are new.
	for _, key := range d.Keys() {
		got, ok, err := d.Get(key)
		w, ok2 := want.GetStr(key)
		if err != nil || !ok || !ok2 {
			c.find(checkSplice, "['"+key+"']", fmt.Sprintf("found %v, error %v", ok, err), fmt.Sprintf("found %v", ok2))
			continue
		}

		c.differ(checkSplice, "['"+key+"']", pickle.Diff(got, w, c.max))
		d.Set(key, got)
	}

	// The whole, read again.
	start := time.Now()
	out, err := d.Bytes()
	c.write += time.Since(start)
	if err != nil {
		c.find(checkSplice, "the file", err.Error(), "to be able to write it")
		return
	}

	back, _, err := pickle.Load(out)
	if err != nil {
		c.find(checkSplice, "the file", err.Error(), "to read what was written")
		return
	}
	c.differ(checkSplice, "", pickle.Diff(back, v, c.max))
}

// message checks that a message object can be taken apart and put together.
func (c *checker) message(at string, in *pickle.Instance) {
	m, err := message.FromPickle(in)
	if err != nil {
		c.find(checkMessage, at, err.Error(), "a message")
		return
	}
	c.differ(checkMessage, at, pickle.Diff(m.ToPickle(), in, c.max))
}

// askPython compares with what cPickle reads in the file, and in what mmrunner made of it.
func (c *checker) askPython(b, again []byte, broken bool) {
	// The file itself: either both readers refuse it, or both read the same.
	theirs, took, err := c.python.Read(b)
	var unreadable *UnreadableError
	switch {
	case errors.As(err, &unreadable):
		if !broken {
			c.find(checkPython, "the file", "pickles that mmrunner can read", "what cPickle had: "+unreadable.Why)
		}
		return
	case err != nil:
		c.unsaid = err
		return
	}

	c.asked, c.pyTime = true, took
	if broken {
		c.find(checkPython, "the file", "what mmrunner cannot read", "cPickle's "+count(len(theirs)))
		return
	}
	c.hold(checkPython, theirs)
	// What mmrunner has written, read by the Python that will have to live with it.
	theirs, _, err = c.python.Read(again)
	switch {
	case errors.As(err, &unreadable):
		c.find(checkWritten, "the file", "cPickle's "+unreadable.Why, "to be able to read it")
	case err != nil:
		c.unsaid = err
	default:
		c.hold(checkWritten, theirs)
	}
}

// hold compares our values with Python's.
func (c *checker) hold(check string, theirs []pickle.Value) {
	if len(theirs) != len(c.values) {
		c.find(check, "the file", count(len(c.values)), "cPickle's "+count(len(theirs)))
	}
	for i := range min(len(theirs), len(c.values)) {
		c.differ(check, c.at(i), pickle.Diff(neutral(c.values[i], false), theirs[i], c.max))
	}
}
