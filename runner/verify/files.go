package verify

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Kind says what a file holds.
type Kind string

// The kinds of Mailman's pickles.
const (
	Config   Kind = "list"          // config.pck and config.pck.last (MailList.py)
	Pending  Kind = "pending"       // pending.pck (Pending.py)
	Requests Kind = "requests"      // request.pck (ListAdmin.py)
	entry    Kind = "entry"         // a queue entry, waiting, claimed or preserved (Switchboard.py)
	Held     Kind = "held"          // data/heldmsg-LIST-ID.pck (ListAdmin.py)
	Events   Kind = "bounce-events" // data/bounce-events-PID.pck (BounceRunner.py)
)

// anyKind is the kind of a file of which only the path is known.
const anyKind Kind = ""

// Kinds are all kinds, in the order of reports.
var Kinds = []Kind{Config, Pending, Requests, entry, Held, Events}

// File is one pickle file of a site.
type File struct {
	Path string
	Kind Kind
	List string // the list it belongs to; "" where only its contents say so
}

// Files finds the pickle files of a site: those of the named lists, or those of all lists and those that belong to no
// list. A directory that is not there has no files. The error is for a list that does not exist and for a directory
// that cannot be read.
func Files(s *site.Site, lists []string) ([]File, error) {
	all := len(lists) == 0
	if all {
		var err error
		if lists, err = listNames(s); err != nil {
			return nil, err
		}
	}

	// A list's files: its state, the backup, and its requests.
	lists = slices.Clone(lists)
	sort.Strings(lists)
	var files []File
	for i, name := range lists {
		name = py.Lower(name)
		lists[i] = name
		if !all && !maillist.Exists(s, name, nil) {
			return nil, &UnknownListError{name, s.ListDataDir()}
		}

		for _, f := range []struct {
			name string
			kind Kind
		}{{"config.pck", Config}, {"config.pck.last", Config}, {"pending.pck", Pending}, {"request.pck", Requests}} {
			path := filepath.Join(maillist.ListPath(s, name), f.name)
			// A file that cannot be looked at is kept: the error shows when it is read.
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				files = append(files, File{path, f.kind, name})
			}
		}
	}

	// Entries of all queues, those at hand and those that were preserved too.
	dirs, err := queueDirs(s)
	if err != nil {
		return nil, err
	}

	for _, dir := range dirs {
		names, err := readDir(dir)
		if err != nil {
			return nil, err
		}

		for _, name := range names {
			if ext := filepath.Ext(name); ext == ".pck" || ext == ".bak" || ext == ".psv" {
				files = append(files, File{Path: filepath.Join(dir, name), Kind: entry})
			}
		}
	}

	// In data/ lie the messages held for moderators, and bounces that BounceRunner has detected and not registered.
	names, err := readDir(s.DataDir())
	if err != nil {
		return nil, err
	}

	for _, name := range names {
		path := filepath.Join(s.DataDir(), name)
		if rest, ok := strings.CutPrefix(name, "heldmsg-"); ok && strings.HasSuffix(name, ".pck") {
			i := strings.LastIndexByte(rest, '-')
			if i >= 0 && (all || slices.Contains(lists, rest[:i])) {
				files = append(files, File{path, Held, rest[:i]})
			}
		} else if strings.HasPrefix(name, "bounce-events-") && strings.HasSuffix(name, ".pck") {
			files = append(files, File{Path: path, Kind: Events})
		}
	}

	return files, nil
}

// listNames returns the names of all lists. Unlike in Mailman, a directory that cannot be entered counts as a list,
// so that its unreadable files are reported.
func listNames(s *site.Site) ([]string, error) {
	names, err := maillist.ListNames(s, nil)
	if err != nil {
		return nil, err
	}

	all, err := readDir(s.ListDataDir())
	if err != nil {
		return nil, err
	}

	for _, name := range all {
		if name == lostFound {
			continue
		}
		_, err := os.Stat(filepath.Join(s.ListDataDir(), name, "config.pck"))
		if errors.Is(err, fs.ErrPermission) {
			names = append(names, name)
		}
	}

	return names, nil
}

// lostFound is fsck's directory in the root of a file system, which only root may enter.
const lostFound = "lost+found"

// UnknownListError says that a named list does not exist.
type UnknownListError struct{ Name, Dir string }

func (e *UnknownListError) Error() string {
	return "there is no list " + e.Name + " in " + e.Dir
}

// queueDirs returns the directories below QUEUE_DIR and the queue directories that mm_cfg puts elsewhere.
func queueDirs(s *site.Site) ([]string, error) {
	seen := map[string]bool{}
	root := s.Str("QUEUE_DIR")
	names, err := readDir(root)
	if err != nil {
		return nil, err
	}

	for _, name := range names {
		switch info, err := os.Stat(filepath.Join(root, name)); {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile, or a link to nothing
		case err != nil:
			return nil, err
		case info.IsDir():
			seen[filepath.Join(root, name)] = true
		}
	}

	// A setting for each queue may lead outside of QUEUE_DIR.
	for _, q := range []string{"in", "out", "commands", "bounces", "news", "archive", "shunt", "virgin", "bad", "retry"} {
		seen[s.QueueDir(q)] = true
	}
	var dirs []string
	for dir := range seen {
		dirs = append(dirs, dir)
	}
	sort.Strings(dirs)
	return dirs, nil
}

func readDir(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	sort.Strings(names)
	return names, err
}
