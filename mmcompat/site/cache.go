package site

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// cacheName is the name of the file with the profile, in the installation's DATA_DIR.
const cacheName = "mmrunner-profile.json"

// cachePlaces returns where the cache may be. DATA_DIR is only known from the profile, so this tries directories that
// the settings files name as plain strings, and the directories that configure and distributions use.
func cachePlaces(prefix string) []string {
	var places []string
	vars := []string{prefix, "/var/lib/mailman"}
	// Settings of the two files, as text: the files are Python, and are not run for this.
	for _, name := range []string{"mm_cfg.py", "Defaults.py"} {
		b, err := os.ReadFile(filepath.Join(prefix, "Mailman", name))
		if err != nil {
			continue
		}

		for _, m := range dirSetting.FindAllSubmatch(b, -1) {
			if string(m[1]) == "DATA_DIR" {
				places = append(places, filepath.Join(string(m[2]), cacheName))
			} else {
				vars = append(vars, string(m[2]))
			}
		}
	}

	for _, v := range vars {
		if file := filepath.Join(v, "data", cacheName); !slices.Contains(places, file) {
			places = append(places, file)
		}
	}

	return places
}

// dirSetting matches a line of a settings file that sets a directory to a plain string.
var dirSetting = regexp.MustCompile(`(?m)^(VAR_PREFIX|DATA_DIR)[ \t]*=[ \t]*['"](/[^'"\n]+)['"]`)

// readCache returns the cached profile of prefix and its file. It returns nil without a cache, or where a file has
// changed from which the profile was made.
func readCache(prefix, python string) (*Profile, string) {
	for _, file := range cachePlaces(prefix) {
		b, err := readTrusted(file)
		if err != nil {
			continue
		}

		was, raw, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			continue
		}
		p, err := parseProfile(raw)
		if err != nil || p.Prefix != prefix || string(was) != stamp(p, python) {
			continue
		}

		return p, file
	}

	return nil, ""
}

// errNotTrusted is about a cache that a user may have written who does not run the installation.
var errNotTrusted = errors.New("got a file that others may have written")

// readTrusted reads a file that only trusted users can have written: root, this process's user, the owner of its
// directory, and the directory's group where that may write there, as Mailman's may. It follows no link.
func readTrusted(file string) ([]byte, error) {
	dir, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return nil, err
	}

	f, info, err := disk.OpenPlain(file, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !trusted(info, dir, os.Geteuid()) {
		return nil, errNotTrusted
	}

	return io.ReadAll(f)
}

func trusted(file, dir fs.FileInfo, euid int) bool {
	const othersWrite, groupWrites = 0o002, 0o020
	if !file.Mode().IsRegular() || (file.Mode()|dir.Mode())&othersWrite != 0 {
		return false
	}

	f, d := file.Sys().(*syscall.Stat_t), dir.Sys().(*syscall.Stat_t)
	sharedGroup := f.Gid == d.Gid && dir.Mode()&groupWrites != 0
	if file.Mode()&groupWrites != 0 && !sharedGroup {
		return false
	}
	return f.Uid == 0 || f.Uid == d.Uid || int(f.Uid) == euid || sharedGroup
}

// writeCache writes a profile, as the probe printed it, to DATA_DIR, for Mailman's group. Where two processes do so
// at the same time, the later one wins.
func writeCache(p *Profile, raw []byte, python string) error {
	dir := (&Site{Profile: p}).DataDir()
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}

	// Under a temporary name, so that a reader finds the old profile or the new one.
	tmp, err := os.CreateTemp(dir, cacheName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = fmt.Fprintf(tmp, "%s\n%s\n", stamp(p, python), bytes.TrimSpace(raw))
	if err == nil && os.Geteuid() == 0 {
		// A start by root must not leave a file that Mailman's user cannot read.
		st := info.Sys().(*syscall.Stat_t)
		err = tmp.Chown(int(st.Uid), int(st.Gid))
	}

	if err == nil {
		err = tmp.Chmod(cacheMode(info))
	}

	if e := tmp.Close(); err == nil {
		err = e
	}

	if err != nil {
		return err
	}

	return os.Rename(tmp.Name(), filepath.Join(dir, cacheName))
}

// cacheMode is the mode of Mailman's other data where the group owns the directory; otherwise only the owner may read
// the file.
func cacheMode(dir fs.FileInfo) fs.FileMode {
	if dir.Mode()&0o020 != 0 {
		return 0o660
	}
	return 0o600
}
