package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// writers are those who may change what a path leads to.
type writers struct {
	uids   map[uint32]string // with an example of what they may change
	gids   map[uint32]string
	anyone string // a path that every user may change; "" for none
	link   string // a symbolic link that others than root may put there; "" for none
}

// maxLinks is how many symbolic links a path may have, as in the kernel.
const maxLinks = 40

// Bits of a mode that let others than the owner in.
const (
	groupWrites, othersWrite = 0o020, 0o002
	groupEnters, othersEnter = 0o010, 0o001
)

// rootOnly tells whether root is the only one among them.
func (w *writers) rootOnly() bool {
	return w.anyone == "" && onlyZero(w.uids) && onlyZero(w.gids)
}

func onlyZero(ids map[uint32]string) bool {
	for id := range ids {
		if id != 0 {
			return false
		}
	}
	return true
}

// note adds those who may change a file, or the names in a directory.
func (w *writers) note(path string, info fs.FileInfo) {
	st := info.Sys().(*syscall.Stat_t)
	add := func(ids *map[uint32]string, id uint32) {
		if *ids == nil {
			*ids = map[uint32]string{}
		}
		if _, had := (*ids)[id]; !had {
			(*ids)[id] = path
		}
	}

	add(&w.uids, st.Uid)
	// The mode of a link means nothing, and in a sticky directory only the owner of a file may put another in its place.
	if info.Mode()&fs.ModeSymlink != 0 || info.IsDir() && info.Mode()&fs.ModeSticky != 0 {
		return
	}

	if info.Mode()&groupWrites != 0 {
		add(&w.gids, st.Gid)
	}

	if info.Mode()&othersWrite != 0 && w.anyone == "" {
		w.anyone = path
	}
}

// private tells whether a directory of root's lets only root in.
func private(info fs.FileInfo) bool {
	st := info.Sys().(*syscall.Stat_t)
	return info.IsDir() && st.Uid == 0 && info.Mode()&othersEnter == 0 && (info.Mode()&groupEnters == 0 || st.Gid == 0)
}

// along adds those who may change what path leads to, from the directory above on, or from the root directory: each
// directory, link and file on the way. Below a directory that only root may enter no other user can change anything.
// It returns whether the path leads through such a directory.
func (w *writers) along(above, path string) (closed bool, err error) {
	path = filepath.Clean(path)
	at, rest := "/", strings.Split(strings.TrimPrefix(path, "/"), "/")
	counts := func() bool { return at == above || strings.HasPrefix(at+"/", strings.TrimSuffix(above, "/")+"/") }
	for links := 0; ; {
		info, err := os.Lstat(at)
		if err != nil {
			return closed, err
		}

		if !closed && counts() {
			w.note(at, info)
		}

		if info.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return closed, &fs.PathError{Op: "follow", Path: path, Err: syscall.ELOOP}
			}
			to, err := os.Readlink(at)
			if err != nil {
				return closed, err
			}

			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(at), to)
			}

			to = filepath.Join(append([]string{to}, rest...)...)
			if !closed && !w.rootOnly() && w.link == "" && !sameName(path, info, to) {
				w.link = at
			}

			// Anew from the top, as it may lead out of where only root may enter.
			at, rest, closed, above = "/", strings.Split(strings.TrimPrefix(to, "/"), "/"), false, "/"
			continue
		}

		if private(info) && w.rootOnly() {
			closed = true
		}

		if len(rest) == 0 || rest[0] == "" {
			return closed, nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

// RootsPath tells whether only root may change the file that path leads to. A file that is not there is root's alone if
// its directory is. What lies below a directory is not looked at. The error is the file system's.
func RootsPath(path string) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}

	var w writers
	closed, err := w.along("/", path)
	if errors.Is(err, fs.ErrNotExist) {
		w = writers{}
		closed, err = w.along("/", filepath.Dir(path))
	}

	return err == nil && (closed || w.rootOnly()), err
}

// sameName tells whether a link that others than root may have moved can still only lead where root wants it: root made
// it, and it leads to a file of the path's own name, in a directory that only root can put elsewhere. It is how
// distributions keep mm_cfg.py in /etc/mailman, with a link in a directory that Mailman's group may write to.
func sameName(path string, link fs.FileInfo, to string) bool {
	if link.Sys().(*syscall.Stat_t).Uid != 0 || filepath.Base(to) != filepath.Base(path) {
		return false
	}

	dir := filepath.Dir(to)
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != 0 {
		return false
	}

	roots, err := RootsPath(filepath.Dir(dir))
	return roots && err == nil
}

// CheckLinks returns an error where a symbolic link on the way of path may have been put there by a user other than
// root: what root writes to must not lie where the link's maker wants it. A link of root's own in such a place is
// allowed if it leads to a file of the same name in a directory of root's.
func CheckLinks(path string) error {
	var w writers
	if _, err := w.along("/", path); err != nil {
		return err
	}
	if w.link != "" {
		return fmt.Errorf("%s: got a symbolic link that others than root may have put there, need the file itself", w.link)
	}
	return nil
}

// errOthers ends a walk: a user other than root may change something.
var errOthers = errors.New("others than root may change it")

// RootsAlone tells whether only root may change the file that path leads to and, if that is a directory, anything
// below it. A missing file counts as root's. The error is the file system's.
func RootsAlone(path string) (bool, error) {
	var w writers
	closed, err := w.along("/", path)
	if errors.Is(err, fs.ErrNotExist) {
		return w.rootOnly(), nil
	}
	if err != nil || closed || !w.rootOnly() {
		return closed && err == nil, err
	}

	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, err
	}

	err = filepath.WalkDir(real, func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}

		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if private(info) {
			return fs.SkipDir
		}

		w.note(name, info)
		if info.Mode()&fs.ModeSymlink != 0 {
			if _, err := w.along("/", name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}

		if !w.rootOnly() {
			return errOthers
		}

		return nil
	})
	if errors.Is(err, errOthers) {
		return false, nil
	}

	return err == nil, err
}

// checkFor returns an error unless root, and those who have the rights of the user anyway, are all that may change it.
func (w *writers) checkFor(u User) error {
	if w.anyone != "" {
		return fmt.Errorf("%s may be written to by everybody", w.anyone)
	}

	for id, path := range w.uids {
		if id != 0 && int(id) != u.UID {
			return fmt.Errorf("%s belongs to user %d, who is neither root nor %s", path, id, u.Name)
		}
	}

	for id, path := range w.gids {
		if id != 0 && int(id) != u.primary {
			return fmt.Errorf("%s may be written to by group %d, which is not the primary group of %s", path, id, u.Name)
		}
	}

	return nil
}
