package site

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// stamp is a digest over the state of the files on which a profile depends: the files from which it was made, and
// those beside them, so that an added module counts too. The probe itself, the interpreter and the host's name are
// part of it.
//
// Besides size and date, a file's inode and the time of its last change of any kind count, since an editor, cp -p or
// a clock that was set back may leave size and date as they were.
func stamp(p *Profile, python string) string {
	files := map[string]bool{python: true}
	dirs := map[string]bool{}
	for _, f := range p.Files {
		files[f] = true
		dirs[filepath.Dir(f)] = true
	}

	for dir := range dirs {
		addSources(files, dir)
	}
	return digest(files, python)
}

// sourceStamp is a stamp over the sources that are known before the profile is. It tells whether they changed while
// they were probed.
func sourceStamp(prefix string) string {
	files := map[string]bool{}
	for _, dir := range []string{"bin", "Mailman", "Mailman/Bouncers", "Mailman/Commands", "Mailman/Handlers", "Mailman/Logging", "Mailman/Queue"} {
		addSources(files, filepath.Join(prefix, dir))
	}
	return digest(files, "")
}

// addSources adds a directory's Python modules. A directory that cannot be read has no modules.
func addSources(files map[string]bool, dir string) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return
	}

	for _, e := range names {
		if strings.HasSuffix(e.Name(), ".py") {
			files[filepath.Join(dir, e.Name())] = true
		}
	}
}

func digest(files map[string]bool, python string) string {
	sorted := make([]string, 0, len(files))
	for f := range files {
		sorted = append(sorted, f)
	}
	sort.Strings(sorted)
	h := sha256.New()
	h.Write(probe)
	host, err := os.Hostname()
	fmt.Fprintf(h, "%s %v %s\n", host, err, python)
	for _, f := range sorted {
		fmt.Fprintf(h, "%s %s\n", f, identify(f))
	}

	return hex.EncodeToString(h.Sum(nil))
}

// identify returns the identity of a file, or of the file that a link leads to. For a directory with installed
// packages only the names in it count.
func identify(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return "gone"
	}
	if info.IsDir() {
		return fmt.Sprint("dir ", info.ModTime().UnixNano())
	}

	st := info.Sys().(*syscall.Stat_t)
	_, changed := disk.Times(st)
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano(), st.Ino, changed.UnixNano())
}
