package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// createReport makes a file for what a command will write: as root where root names a place that is root's alone, and
// else as Mailman's user. What a file holds stays until rewrite.
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

	flag := os.O_WRONLY | os.O_CREATE
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
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_, writeErr := f.Write(b.Bytes()) // a pipe, a terminal
		return errors.Join(err, writeErr)
	}
	if _, err := f.WriteAt(b.Bytes(), 0); err != nil {
		return err
	}
	return f.Truncate(int64(b.Len()))
}
