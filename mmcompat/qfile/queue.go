package qfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// The modes of what Switchboard makes, whatever the umask.
const (
	dirMode  = 0o770
	fileMode = 0o660
)

// delta is added to the time of an entry that came at the same time as another, so that both are listed
// (Switchboard.DELTA).
const delta = .0001

// Options are a queue's settings.
type Options struct {
	BadDir string           // BADQUEUE_DIR, for preserved entries
	Schema int              // QFILE_SCHEMA_VERSION
	Now    func() time.Time // nil means time.Now
	// Log gets lines for Mailman's error log; nil drops them.
	Log func(line string)
}

// Queue is one queue directory, or one slice of it.
type Queue struct {
	dir     string
	slice   slice
	o       Options
	foreign map[string]bool // names that were reported already
}

// Open makes a missing directory and returns its slice n of slices. The error is for a directory that cannot be made
// and for an impossible slice.
func Open(dir string, n, slices int, o Options) (*Queue, error) {
	s, err := newSlice(n, slices)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", dir, err)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}

	if o.Now == nil {
		o.Now = time.Now
	}

	if o.Log == nil {
		o.Log = func(string) {}
	}

	return &Queue{dir: dir, slice: s, o: o, foreign: map[string]bool{}}, nil
}

// makeDir makes a queue directory whatever the umask. Where the directory above has setgid, the new one gets its
// group from there, and must not lose the setgid bit.
func makeDir(dir string) error {
	err := disk.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}

	info, err := disk.Stat(dir)
	if err != nil || info.Mode().Perm() == dirMode {
		return err
	}
	return os.Chmod(dir, info.Mode()&fs.ModeSetgid|dirMode)
}

// Dir is the directory, as whichq of a shunted entry names it.
func (q *Queue) Dir() string { return q.dir }

// Path is the file of an entry.
func (q *Queue) Path(base, ext string) string { return filepath.Join(q.dir, base+ext) }

// Files lists the base names of our slice's entries with an extension (Waiting or Claimed), the oldest first.
// Mailman's runner would die of a name that no entry has. Here such a file is left alone, and the error log names it
// once.
func (q *Queue) Files(ext string) ([]string, error) {
	// The directory is read at once and closed: an entry that comes meanwhile is found at the next pass.
	d, err := disk.Open(q.dir)
	if err != nil {
		return nil, err
	}

	files, err := d.Readdirnames(-1)
	d.Close()
	if err != nil {
		return nil, err
	}

	// Entries of equal times come in the order of their names, so that a run can be repeated.
	sort.Strings(files)
	taken := make(map[float64]bool, len(files))
	found := make([]name, 0, len(files))
	for _, f := range files {
		base, ok := strings.CutSuffix(f, ext)
		if !ok || base == "" {
			continue
		}

		// A name that is no entry's would raise in Switchboard.files and end Mailman's runner.
		n, err := parseName(base)
		ours := false
		if err == nil {
			ours, err = q.slice.has(n)
		}

		if err != nil {
			if !q.foreign[f] {
				q.foreign[f] = true
				q.o.Log(fmt.Sprintf("Ignoring a file in queue %s that is not an entry: %v", q.dir, err))
			}
			continue
		}

		if !ours {
			continue
		}

		// files() keys a dict by time; two entries of one time are set apart by adding DELTA to the later one.
		for taken[n.time] {
			n.time += delta
		}
		taken[n.time] = true
		found = append(found, n)
	}

	// The oldest first: entries take effect in the order in which they arrived.
	sort.SliceStable(found, func(i, j int) bool { return found[i].time < found[j].time })
	bases := make([]string, len(found))
	for i, n := range found {
		bases[i] = n.base
	}
	return bases, nil
}

// Read returns what an entry holds, leaving it where it is. The error wraps
// fs.ErrNotExist where another process has taken the entry.
func (q *Queue) Read(base, ext string) (*Item, error) {
	b, err := disk.ReadFile(q.Path(base, ext))
	if err != nil {
		return nil, err
	}
	return Decode(base, b)
}

// Claim takes an entry out of the queue: .pck becomes .bak. The error wraps fs.ErrNotExist where the entry is gone.
func (q *Queue) Claim(base string) error {
	return disk.Rename(q.Path(base, Waiting), q.Path(base, Claimed))
}

// Release puts a claimed entry back.
func (q *Queue) Release(base string) error {
	return disk.Rename(q.Path(base, Claimed), q.Path(base, Waiting))
}

// Preserve moves a claimed entry to the bad queue for a human, as Switchboard.finish does. A failure only goes to the
// error log.
func (q *Queue) Preserve(base string) {
	from := q.Path(base, Claimed)
	err := makeDir(q.o.BadDir)
	if err == nil {
		err = disk.Rename(from, filepath.Join(q.o.BadDir, base+Preserved))
	}
	if err != nil {
		q.o.Log(fmt.Sprintf("Failed to unlink/preserve backup file: %s\n%s", from, pythonError(err)))
	}
}

// pythonError formats a failed call's exception as Python's str() does, which for a rename does not name the file.
func pythonError(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return py.OSErrorText(err, path.Path)
	}
	return py.OSErrorText(err, "")
}

// Enqueue writes an entry as Switchboard.enqueue does, under a temporary name
// first and flushed, and returns its base name. msg is as for Encode.
func (q *Queue) Enqueue(msg any, data *Data) (base string, err error) {
	base, b, err := Encode(msg, data, seconds(q.o.Now()), q.o.Schema)
	if err != nil {
		return "", err
	}

	tmp := q.Path(base, Waiting) + temporary
	if err := WriteFile(tmp, b, true); err != nil {
		return "", err
	}
	return base, disk.Rename(tmp, q.Path(base, Waiting))
}

// WriteFile writes an entry's bytes to a new file with the mode that entries
// have, flushed to the disk if sync is set. A file that cannot be written whole
// is removed.
func WriteFile(path string, b []byte, sync bool) (err error) {
	f, err := disk.Create(path, fileMode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			disk.Remove(path)
		}
	}()

	// The umask of the process is not Switchboard's 007.
	if err = f.Chmod(fileMode); err != nil {
		return err
	}
	if _, err = f.Write(b); err != nil {
		return err
	}

	if sync {
		if err = f.Sync(); err != nil {
			return err
		}
	}

	return f.Close()
}

// seconds is Python's time.time().
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
