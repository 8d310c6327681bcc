package install

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
)

// ErrEdited says that mm_cfg.py was changed after it was read.
var ErrEdited = errors.New("it was edited meanwhile")

// Config is mm_cfg.py as it was read: its text, and the properties that stay when the text changes.
type Config struct {
	Path string // PREFIX/Mailman/mm_cfg.py
	Text []byte

	dir  *os.Root // where the file itself is, if Path is a symbolic link
	name string
	info fs.FileInfo
}

// ReadConfig reads the mm_cfg.py of the installation at prefix. A symbolic link is followed, since distributions have
// mm_cfg.py below /etc. Root only follows a link that root alone can have made. Close must be called.
func ReadConfig(prefix string) (c *Config, err error) {
	c = &Config{Path: filepath.Join(prefix, "Mailman", "mm_cfg.py")}
	// Both paths without links, to compare where the file really is.
	top, err := filepath.EvalSymlinks(prefix)
	if err != nil {
		return nil, err
	}

	real, err := filepath.EvalSymlinks(c.Path)
	if err != nil {
		return nil, err
	}
	c.name = filepath.Base(real)

	// A user who may write to the prefix can put a link in the place of any directory in it. So a file below the prefix is
	// opened by way of the prefix, and never outside of it.
	if rel, ok := strings.CutPrefix(filepath.Dir(real)+"/", top+"/"); ok {
		c.dir, err = openBelow(top, filepath.Clean(rel))
	} else {
		if os.Geteuid() == 0 {
			if err := privilege.CheckLinks(c.Path); err != nil {
				return nil, err
			}
		}
		c.dir, err = os.OpenRoot(filepath.Dir(real))
	}

	if err != nil {
		return nil, err
	}
	if c.Text, c.info, err = c.read(); err != nil {
		return nil, errors.Join(err, c.dir.Close())
	}

	return c, nil
}

func openBelow(top, rel string) (*os.Root, error) {
	root, err := os.OpenRoot(top)
	if err != nil || rel == "." {
		return root, err
	}
	defer root.Close()
	return root.OpenRoot(rel)
}

// Close releases what ReadConfig has opened.
func (c *Config) Close() error { return c.dir.Close() }

// read reads the file as it is now. Text, owner and mode belong to one and the same file.
func (c *Config) read() ([]byte, fs.FileInfo, error) {
	f, err := c.dir.OpenFile(c.name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: got mode %v, need a plain file", c.Path, info.Mode())
	}

	text, err := io.ReadAll(f)
	return text, info, err
}

// Replace gives the file another text and keeps its mode, owner and group. The new text is written under a temporary
// name beside it, flushed, and renamed over it, so that a Mailman process that starts meanwhile sees the old text or
// the new one. The error wraps ErrEdited, and nothing has changed, if the file is not what was read. After a success
// c is the new file.
func (c *Config) Replace(text []byte) (err error) {
	// An unguessable name, opened with O_EXCL: the directory may be writable for Mailman's group.
	name := "." + c.name + ".mmrunner-" + rand.Text()
	tmp, err := c.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			c.dir.Remove(name)
		}
	}()

	// The whole new file, with owner and mode before it gets the name.
	if _, err := tmp.Write(text); err != nil {
		return err
	}
	st := c.info.Sys().(*syscall.Stat_t)
	if err := tmp.Chown(int(st.Uid), int(st.Gid)); err != nil {
		return fmt.Errorf("keeping the owner of %s: %w", c.Path, err)
	}
	if err := tmp.Chmod(c.info.Mode() &^ fs.ModeSetuid); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}

	// Python uses mm_cfg.pyc as long as it names the source's mtime, in seconds, so two texts must not share a second.
	when := time.Now()
	if !when.Truncate(time.Second).After(c.info.ModTime().Truncate(time.Second)) {
		when = c.info.ModTime().Add(time.Second)
	}

	if err := c.dir.Chtimes(name, when, when); err != nil {
		return err
	}

	// The file may have been edited since it was read: then it stays as it is.
	now, info, err := c.read()
	if err != nil {
		return err
	}
	if !bytes.Equal(now, c.Text) || !os.SameFile(info, c.info) {
		return fmt.Errorf("%s: %w", c.Path, ErrEdited)
	}
	if err := c.dir.Rename(name, c.name); err != nil {
		return err
	}
	if c.Text, c.info, err = c.read(); err != nil {
		return err
	}

	// The rename is on the disk only when the directory is.
	d, err := c.dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
