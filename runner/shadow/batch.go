package shadow

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// collector keeps entries and the state of their lists until they make a batch. It is for one goroutine.
type collector struct {
	site    *site.Site
	spool   *spool
	lists   *mirror
	data    *mirror
	batches map[string]*gathering // by queue
	// after is where a replay has left its state, from which the next replay begins; "" means that each replay begins
	// with the site's state.
	after string
}

// gathering is a batch in the making. spool/batch/QUEUE/entries has copies of entries of one queue, and lists has the
// state of their lists, each as it was when the list's first entry appeared.
type gathering struct {
	queue   string
	dir     string
	entries []string // base names
	lists   map[string]bool
	of      int // how many lists the entries are for
	began   time.Time
}

// errLeftOut says that an entry is not replayed.
var errLeftOut = errors.New("left out")

func newCollector(s *site.Site, sp *spool) (*collector, error) {
	c := &collector{
		site: s, spool: sp, batches: map[string]*gathering{},
		lists: &mirror{from: s.ListDataDir(), to: sp.path("mirror", "lists"), seen: map[string]stamp{}},
		data:  &mirror{from: s.DataDir(), to: sp.path("mirror", "data"), seen: map[string]stamp{}},
	}

	for _, dir := range []string{c.lists.to, c.data.to} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}

	return c, nil
}

// add keeps an entry, whose content is b, and the state of its list. errLeftOut is for an entry of a list with code of
// its own: that code may reach beyond the list's files, and must not run twice.
func (c *collector) add(queue, base string, b []byte) error {
	// The first entry of a batch makes its directories.
	g := c.batches[queue]
	if g == nil {
		g = &gathering{queue: queue, dir: c.spool.path("batch", queue), lists: map[string]bool{}, began: time.Now()}
		for _, sub := range []string{"entries", "lists", "data"} {
			if err := os.MkdirAll(filepath.Join(g.dir, sub), 0o700); err != nil {
				return err
			}
		}

		c.batches[queue] = g
	}

	// Each list as it is before its first entry of the batch.
	name := c.listOf(b)
	if name != "" && !g.lists[name] {
		if _, err := os.Stat(filepath.Join(c.site.ListDataDir(), name, "extend.py")); err == nil {
			return errLeftOut
		}
		if err := c.snapshot(g, name); err != nil {
			return err
		}
	}

	if err := os.WriteFile(filepath.Join(g.dir, "entries", base+".pck"), b, 0o600); err != nil {
		return err
	}
	g.entries = append(g.entries, base)
	return nil
}

// listOf returns the list that an entry is for, "" if that cannot be told or the list does not exist.
func (c *collector) listOf(b []byte) string {
	// An entry is two pickles, and the metadata is the second.
	_, rest, err := pickle.Load(b)
	if err != nil {
		return ""
	}

	v, _, err := pickle.Load(rest)
	d, ok := v.(*pickle.Dict)
	if err != nil || !ok {
		return ""
	}

	name := c.site.Str("MAILMAN_SITE_LIST")
	if v, ok := d.GetStr("listname"); ok {
		if s, ok := v.(pickle.Str); ok && s != "" {
			name = string(s)
		}
	}

	// The name becomes a path, so it must not lead elsewhere.
	name = py.Lower(name)
	if strings.ContainsRune(name, '/') || strings.HasPrefix(name, ".") {
		return ""
	}
	if info, err := os.Stat(filepath.Join(c.site.ListDataDir(), name)); err != nil || !info.IsDir() {
		return ""
	}

	return name
}

// snapshot copies the present state of a list into a batch.
func (c *collector) snapshot(g *gathering, name string) error {
	g.lists[name] = true
	if c.after != "" {
		from := filepath.Join(c.after, "lists", name)
		if err := age(from); err != nil {
			return err
		}
		return c.link(g, name, from)
	}

	if err := c.lists.refresh(name, skipInList); err != nil {
		return err
	}
	return c.link(g, name, filepath.Join(c.lists.to, name))
}

// age makes the files that a replay has saved as old as copies of them would be.
func age(dir string) error {
	t := time.Now().Add(-aged)
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreMissing(err)
		}
		info, err := e.Info()
		if err != nil || info.ModTime().Before(t) {
			return err
		}
		return os.Chtimes(path, t, t)
	})
}

func (c *collector) link(g *gathering, name, from string) error {
	err := linkTree(filepath.Join(g.dir, "lists", name), from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the list was removed meanwhile
	}
	return err
}

// skipInList leaves out files that a runner does not read: mail, and files that are being written.
func skipInList(rel string) bool {
	name := filepath.Base(rel)
	return strings.HasSuffix(name, ".mbox") || strings.Contains(name, ".tmp") || name == "digest.mbox"
}

// skipInData leaves out all files except held messages.
func skipInData(rel string) bool {
	return !strings.HasPrefix(rel, "heldmsg-")
}

// take closes a batch: it adds held messages, and the lists that no entry is for, as they are now.
func (c *collector) take(queue string) (*gathering, error) {
	g := c.batches[queue]
	delete(c.batches, queue)
	g.of = len(g.lists)
	names, err := maillist.ListNames(c.site, nil)
	if err != nil {
		return nil, err
	}

	// A command may look at other lists, so both sides need them all.
	for _, name := range names {
		if !g.lists[name] {
			if err := c.snapshot(g, name); err != nil {
				return nil, err
			}
		}
	}

	if err := c.held(filepath.Join(g.dir, "data")); err != nil {
		return nil, err
	}

	// The next batch of this queue is collected while this one is replayed.
	to := c.spool.path("replay")
	if err := os.RemoveAll(to); err != nil {
		return nil, err
	}
	if err := os.Rename(g.dir, to); err != nil {
		return nil, err
	}

	g.dir = to
	return g, nil
}

// held copies the held messages.
func (c *collector) held(to string) error {
	if c.after == "" {
		if err := c.data.refresh(".", skipInData); err != nil {
			return err
		}
		return linkTree(to, c.data.to)
	}

	names, err := filepath.Glob(filepath.Join(c.after, "data", "heldmsg-*"))
	if err != nil {
		return err
	}

	for _, name := range names {
		if err := os.Link(name, filepath.Join(to, filepath.Base(name))); err != nil {
			return err
		}
	}

	return nil
}
