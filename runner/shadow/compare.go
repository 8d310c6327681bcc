package shadow

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/verify"
)

// Difference is something that the two sides did differently.
type Difference struct {
	Batch int `json:"batch"`
	// Where is the list, queue or log; Path is the place in it, as Python would write it, or what is compared.
	Where    string `json:"where"`
	Path     string `json:"path"`
	Python   string `json:"python"`
	Mmrunner string `json:"mmrunner"`
}

func (d Difference) String() string {
	return fmt.Sprintf("batch %d, %s: %s: Python has %s, mmrunner %s", d.Batch, d.Where, d.Path, d.Python, d.Mmrunner)
}

// nothing stands for a file or value that one side lacks.
const nothing = "nothing"

// most is how many differences of one file are shown.
const most = 20

// comparer compares what two runs have left in the directories python and mmrunner.
type comparer struct {
	masks
	python, mmrunner string
	found            []Difference
}

func (c *comparer) add(where, path, python, mmrunner string) {
	c.found = append(c.found, Difference{Where: where, Path: path, Python: hidePassword(python), Mmrunner: hidePassword(mmrunner)})
}

// run compares the two sites' files. The error is for a file that cannot be read.
func (c *comparer) run() error {
	if err := c.lists(); err != nil {
		return err
	}

	// Queues and logs are compared without regard to order: two processes need not write in the same one.
	for _, what := range []struct {
		dir   string
		items func(string) ([]string, error)
	}{{"qfiles", c.queue}, {"logs", c.log}} {
		names, err := union(filepath.Join(c.python, what.dir), filepath.Join(c.mmrunner, what.dir))
		if err != nil {
			return err
		}

		for _, name := range names {
			a, err := what.items(filepath.Join(c.python, what.dir, name))
			if err != nil {
				return err
			}

			b, err := what.items(filepath.Join(c.mmrunner, what.dir, name))
			if err != nil {
				return err
			}
			c.bags(strings.TrimSuffix(strings.Replace(what.dir, "qfiles", "queue", 1), "s")+" "+name, a, b)
		}
	}

	// Held messages and locks that were left tell what a runner failed to finish.
	if err := c.held(); err != nil {
		return err
	}
	a, err := leftLocks(filepath.Join(c.python, "locks"))
	if err != nil {
		return err
	}

	b, err := leftLocks(filepath.Join(c.mmrunner, "locks"))
	if err != nil {
		return err
	}
	c.bags("locks", a, b)
	return nil
}

// union lists the names of two directories.
func union(a, b string) ([]string, error) {
	seen := map[string]bool{}
	for _, dir := range []string{a, b} {
		names, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}

		for _, e := range names {
			seen[e.Name()] = true
		}
	}

	var all []string
	for name := range seen {
		all = append(all, name)
	}
	sort.Strings(all)
	return all, nil
}

func (c *comparer) lists() error {
	names, err := union(filepath.Join(c.python, "lists"), filepath.Join(c.mmrunner, "lists"))
	if err != nil {
		return err
	}

	// The three files of list state.
	for _, name := range names {
		for _, file := range []string{"config.pck", "pending.pck", "request.pck"} {
			rel := filepath.Join("lists", name, file)
			a, aInfo, err := read(filepath.Join(c.python, rel))
			if err != nil {
				return err
			}

			b, bInfo, err := read(filepath.Join(c.mmrunner, rel))
			if err != nil {
				return err
			}

			// A file that neither side has written is the same file.
			if aInfo == nil && bInfo == nil || aInfo != nil && bInfo != nil && os.SameFile(aInfo, bInfo) {
				continue
			}

			c.state("list "+name+", "+file, file, a, b)
		}
	}

	return nil
}

// read returns no bytes for a missing file.
func read(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}

	b, err := os.ReadFile(path)
	return b, info, err
}

// state compares one file of list state.
func (c *comparer) state(where, file string, a, b []byte) {
	if bytes.Equal(a, b) {
		return
	}
	x, ok1 := c.dict(where, "Python", a)
	y, ok2 := c.dict(where, "mmrunner", b)
	if !ok1 || !ok2 {
		return
	}

	if file == "pending.pck" {
		// The keys are cookies, which differ on the two sides, and the order is that of their times.
		c.bags(where, c.records(x), c.records(y))
		return
	}

	// The Replybot counts its answers before the list is locked, and reading the list again may undo the count.
	x.Delete(pickle.Str("request_responses"))
	y.Delete(pickle.Str("request_responses"))
	for _, d := range pickle.Diff(c.value(x), c.value(y), most) {
		d = verify.Masked(d)
		c.add(where, d.Path, d.A, d.B)
	}
}

// dict reads the file of one side; a missing file is an empty dict.
func (c *comparer) dict(where, side string, b []byte) (*pickle.Dict, bool) {
	if b == nil {
		return pickle.NewDict(), true
	}
	v, _, err := pickle.Load(b)
	d, ok := v.(*pickle.Dict)
	if err == nil && ok {
		return d, true
	}

	if err == nil {
		err = fmt.Errorf("got %s, need a dict", pickle.Repr(v, 40))
	}

	c.add(where, side+"'s file cannot be read", err.Error(), err.Error())
	return nil, false
}

// records returns the records of pending.pck as text, without their cookies and dates.
func (c *comparer) records(d *pickle.Dict) []string {
	var all []string
	for k, v := range d.All() {
		if name, _ := k.(pickle.Str); name != "evictions" {
			all = append(all, recordText(c.value(v)))
		}
	}
	return all
}

// recordText writes a value as text. Dicts are sorted by their text, since their order means nothing.
func recordText(v pickle.Value) string {
	switch v := v.(type) {
	case *pickle.Tuple:
		var parts []string
		for _, it := range v.Items {
			parts = append(parts, recordText(it))
		}
		return "(" + strings.Join(parts, ", ") + ")"
	case *pickle.List:
		var parts []string
		for _, it := range v.Items {
			parts = append(parts, recordText(it))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *pickle.Dict:
		var parts []string
		for k, x := range v.All() {
			parts = append(parts, recordText(k)+": "+recordText(x))
		}
		sort.Strings(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case *pickle.Instance:
		return "<" + v.Class.String() + " " + recordText(v.State) + ">"
	}

	return pickle.Repr(v, 1<<20)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// notLogs has the logs that say nothing about what an entry did.
var notLogs = map[string]bool{"locks": true, "qrunner": true, "mmrunner": true}

func (c *comparer) log(path string) ([]string, error) {
	if notLogs[filepath.Base(path)] {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	return c.lines(string(b)), nil
}

// held compares the messages held for moderation, and files of bounce events that are left.
func (c *comparer) held() error {
	names, err := union(filepath.Join(c.python, "data"), filepath.Join(c.mmrunner, "data"))
	if err != nil {
		return err
	}

	for _, name := range names {
		if !strings.HasPrefix(name, "heldmsg-") && !strings.HasPrefix(name, "bounce-events-") {
			continue
		}

		// A side without the file is a difference as well.
		sides := map[string]string{}
		for _, side := range []string{c.python, c.mmrunner} {
			b, info, err := read(filepath.Join(side, "data", name))
			if err != nil {
				return err
			}

			sides[side] = nothing
			if info != nil {
				sides[side] = c.file(b)
			}
		}

		if a, b := sides[c.python], sides[c.mmrunner]; a != b {
			c.pair("data/"+name, a, b)
		}
	}

	return nil
}

func (m masks) file(b []byte) string {
	v, _, err := pickle.Load(b)
	if err != nil {
		return m.text(string(b)) // messages may be held as text
	}
	return recordText(m.value(v))
}

// leftLocks returns the lock files that were not removed.
func leftLocks(dir string) ([]string, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}

	var all []string
	for _, e := range names {
		if !strings.HasPrefix(e.Name(), "master-qrunner") {
			all = append(all, e.Name())
		}
	}

	return all, nil
}
