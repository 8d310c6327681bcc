// Package history keeps the last commits of the runners: a
// small file for each in Mailman's data directory, for mmrunner status to show.
// It is no journal: nothing is recovered from it, and losing it loses nothing.
package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// Commit is one batch of a list's entries that was committed.
type Commit struct {
	At       time.Time      `json:"at"` // when it was done
	Runner   string         `json:"runner"`
	List     string         `json:"list"`
	Entries  int            `json:"entries"`
	Outcomes map[string]int `json:"outcomes"`
	// Seconds is the whole commit, from claiming the entries to the last of them
	// removed; Waited is for how long the locks were waited for, Held for how long
	// they were held.
	Seconds float64 `json:"seconds"`
	Waited  float64 `json:"lock_waited_seconds"`
	Held    float64 `json:"lock_held_seconds"`
	Bytes   int64   `json:"bytes"` // of list state written
}

// keep is how many commits of a runner's slice are remembered.
const keep = 50

// maxBytes is the size from which on a file is cut down to its last lines.
const maxBytes = 64 << 10

const (
	prefix = "mmrunner-history-"
	suffix = ".jsonl"
)

// Ring is the file of one slice of a runner, for the one process that works on
// it and for one goroutine at a time.
type Ring struct{ path string }

// Open returns the ring of slice n of slices of a runner, in DATA_DIR.
func Open(dataDir, runner string, n, slices int) *Ring {
	return &Ring{filepath.Join(dataDir, fmt.Sprintf("%s%s-%d-%d%s", prefix, runner, n, slices, suffix))}
}

// Add remembers a commit. An error is no reason to stop: only a line is lost
// of a report.
func (r *Ring) Add(c Commit) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}

	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o660)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	info, err2 := f.Stat()
	if err := errors.Join(err, err2, f.Close()); err != nil {
		return err
	}
	if info.Size() < maxBytes {
		return nil
	}

	return r.shorten()
}

// shorten keeps the last lines.
func (r *Ring) shorten() error {
	b, err := os.ReadFile(r.path)
	if err != nil {
		return err
	}

	lines := bytes.SplitAfter(b, []byte("\n"))
	if n := len(lines) - 1 - keep; n > 0 {
		lines = lines[n:]
	}

	return replace(r.path, bytes.Join(lines, nil))
}

// replace puts content in a file's place.
func replace(path string, content []byte) error {
	tmp := path + ".tmp"
	f, err := disk.Create(tmp, 0o660)
	if err != nil {
		return err
	}

	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, path)
}

// Read returns what the rings in DATA_DIR hold, the last commit last. A line that
// is torn is left out.
func Read(dataDir string) ([]Commit, error) {
	names, err := os.ReadDir(dataDir)
	if err != nil {
		return nil, err
	}

	var all []Commit
	for _, e := range names {
		if match, _ := filepath.Match(prefix+"*"+suffix, e.Name()); !match {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dataDir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}

		for line := range bytes.Lines(b) {
			var c Commit
			if json.Unmarshal(line, &c) == nil {
				all = append(all, c)
			}
		}
	}

	sort.SliceStable(all, func(i, j int) bool { return all[i].At.Before(all[j].At) })
	return all, nil
}
