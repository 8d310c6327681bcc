package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// leaveRoot has a process of root become Mailman's user, for good, before it opens anything of the installation. It
// stays root only where no other user can change the installation. The error is for no Mailman, and where
// its user cannot be told.
func (in *installation) leaveRoot() error {
	if os.Geteuid() != 0 {
		return nil
	}
	prefix, err := site.Find(in.prefix)
	if err != nil {
		return err
	}

	u, root, err := privilege.Find(prefix)
	if root || err != nil {
		return err
	}
	return u.Become()
}

// site opens the installation. Every command that opens it does so here, with no more rights than Mailman's user has.
func (in *installation) site(o site.Options) (*site.Site, error) {
	if err := in.leaveRoot(); err != nil {
		return nil, err
	}
	s, err := site.Open(in.prefix, o)
	if err != nil || os.Geteuid() != 0 {
		return s, err
	}

	// A setting that only Python can work out may lead to state that is not root's alone.
	for _, dir := range []string{s.Str("VAR_PREFIX"), s.ListDataDir(), s.DataDir(), s.LockDir(), s.LogDir(), s.Str("QUEUE_DIR")} {
		alone, err := privilege.RootsAlone(dir)
		if err != nil {
			return nil, err
		}
		if !alone {
			return nil, fmt.Errorf("%s is not root's alone as the settings in %s are; start mmrunner as Mailman's user", dir, s.Prefix)
		}
	}

	return s, nil
}

// leaveRootFor is leaveRoot for a command that only reads files that it is given, and needs no Mailman: files that are
// root's alone are read as root.
func (in *installation) leaveRootFor(files ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}

	for _, file := range files {
		if file == "-" {
			continue
		}
		if alone, err := privilege.RootsPath(file); alone && err == nil {
			continue
		}
		if _, err := site.Find(in.prefix); err != nil {
			return nil // whose file it is cannot be told
		}
		return in.leaveRoot()
	}

	return nil
}

// rootsFiles are files that root names to a command that works as Mailman's user, and that only root may read.
type rootsFiles map[string]*os.File

// openRoots opens those of the files that are root's alone, as long as the process is root's.
func openRoots(files []string) (rootsFiles, error) {
	open := rootsFiles{}
	if os.Geteuid() != 0 {
		return open, nil
	}

	for _, name := range files {
		if alone, err := privilege.RootsPath(name); name == "-" || !alone || err != nil {
			continue
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // said in its turn
		}
		if err != nil {
			return open, errors.Join(err, open.close())
		}

		open[name] = f
	}

	return open, nil
}

func (r rootsFiles) close() error {
	var errs []error
	for _, f := range r {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// createReport makes a file for what a command will write: as root where root names a place that is root's alone, and
// else as Mailman's user.
func (in *installation) createReport(name string) (*os.File, error) {
	if os.Geteuid() == 0 {
		dir, err := privilege.RootsPath(filepath.Dir(name))
		if err != nil {
			return nil, err
		}

		file, err := privilege.RootsPath(name)
		if err != nil {
			return nil, err
		}

		if !dir || !file {
			if err := in.leaveRoot(); err != nil {
				return nil, err
			}
		}
	}

	flag := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if os.Geteuid() == 0 {
		// The directory may be one like /tmp, where any user may be faster.
		flag |= syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	}

	return os.OpenFile(name, flag, 0o600)
}

// rewrite puts what write writes in the place of a file's content. A reader never finds an empty file.
func rewrite(f *os.File, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if _, err := f.WriteAt(b.Bytes(), 0); err != nil {
		return err
	}
	return f.Truncate(int64(b.Len()))
}
