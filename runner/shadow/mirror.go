package shadow

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// mirror keeps private copies of the lists' directories, and copies only files that have changed. Its files are
// replaced and never written to, so that links to them keep their contents.
type mirror struct {
	from, to string
	mu       sync.Mutex
	seen     map[string]stamp // by path below from
}

// stamp tells one state of a file from another.
type stamp struct {
	ino   uint64
	size  int64
	mtime time.Time
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mtime: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.ino = st.Ino
	}
	return s
}

// rounds is how often a directory is read until nothing changes meanwhile: its files should belong to one another.
const rounds = 5

// refresh updates the copy of a directory below from, with everything in it that skip does not leave out.
func (m *mirror) refresh(name string, skip func(rel string) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n := 1; ; n++ {
		changed, err := m.pass(name, skip)
		if err != nil || !changed || n == rounds {
			return err
		}
	}
}

// pass copies what has changed below name, and removes what is gone. changed tells whether anything was different.
func (m *mirror) pass(name string, skip func(string) bool) (changed bool, err error) {
	// Mailman goes on working: a file may vanish or change at any moment, and is then taken up by the next pass.
	there := map[string]bool{}
	root := filepath.Join(m.from, name)
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}

		rel, err := filepath.Rel(m.from, path)
		if err != nil {
			return err
		}

		if path != root && skip(rel) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}

		// Directories are for this user alone: the copy holds passwords.
		to := filepath.Join(m.to, rel)
		if e.IsDir() {
			there[rel] = true
			return os.MkdirAll(to, 0o700)
		}

		// A list's template may be a symbolic link: take what it leads to.
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return nil
		}

		// A file with the same inode, size and mtime is the same: Mailman replaces config.pck by a rename.
		there[rel] = true
		if m.seen[rel] == stampOf(info) {
			return nil
		}
		changed = true
		// The copy's own stamp counts, since the file may have changed after the look at it.
		s, err := copyFile(to, path)
		if errors.Is(err, fs.ErrNotExist) {
			delete(there, rel)
			return nil
		}

		if err == nil {
			m.seen[rel] = s
		}

		return err
	})
	if err != nil {
		return false, err
	}

	// What was copied earlier and is gone now goes here too.
	for rel := range m.seen {
		if (rel == name || strings.HasPrefix(rel, name+"/") || name == ".") && !there[rel] {
			changed = true
			delete(m.seen, rel)
			if err := os.Remove(filepath.Join(m.to, rel)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, err
			}
		}
	}

	return changed, nil
}

// aged is how much older than its original a copy is. Mailman reads a list again that was saved in the second in
// which it was loaded, and this can change what becomes of an entry; so a replay must not begin in that second.
const aged = 10 * time.Second

// copyFile replaces a copy by a new one, and tells which state of the file it has copied.
func copyFile(to, from string) (stamp, error) {
	in, err := os.Open(from)
	if err != nil {
		return stamp{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return stamp{}, err
	}

	// The copy appears whole or not at all.
	tmp := to + ".new"
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return stamp{}, err
	}

	_, err = io.Copy(out, in)
	if e := out.Close(); err == nil {
		err = e
	}

	// Mailman reads a list again only when its file is newer than the last read: an older copy looks unchanged.
	if err == nil {
		t := info.ModTime().Add(-aged)
		err = os.Chtimes(tmp, t, t)
	}

	if err == nil {
		err = os.Rename(tmp, to)
	}

	if err != nil {
		os.Remove(tmp)
	}

	return stampOf(info), err
}

// linkTree fills to with links to the files of from. Files that exist already stay.
func linkTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}

		dst := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(dst, 0o700)
		}
		if err := os.Link(path, dst); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}

		return nil
	})
}
