package install

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Replace writes a file anew with its mode, owner and group kept: under a
// temporary name beside it, flushed, and renamed over it, so that a Mailman
// process that starts meanwhile sees the old text or the new one. A symbolic
// link is followed and stays. Errors name the file and the step.
func Replace(path string, text []byte) (err error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(real), "."+filepath.Base(real)+".mmrunner-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(text); err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err = tmp.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("keeping the owner of %s: %w", real, err)
		}
	}
	if err = tmp.Chmod(info.Mode()); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	// Python takes mm_cfg.pyc for current while it names the source's second, so two texts must not share one.
	when := time.Now()
	if !when.Truncate(time.Second).After(info.ModTime().Truncate(time.Second)) {
		when = info.ModTime().Add(time.Second)
	}
	if err = os.Chtimes(tmp.Name(), when, when); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), real); err != nil {
		return err
	}
	return syncDir(filepath.Dir(real))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
