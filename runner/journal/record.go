package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// Version is that of the format of records.
const Version = 1

// ErrNewer says that a record is of a newer mmrunner, which has to finish it.
var ErrNewer = errors.New("a newer mmrunner has to finish it")

// Record is a commit that is to be finished.
type Record struct {
	Version int    `json:"mmrunner_journal"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Runner  string `json:"runner"` // e.g. "BounceRunner"
	Queue   string `json:"queue"`  // the directory that the entries are in
	Bad     string `json:"bad"`    // the directory for those that are preserved
	// Entries are the base names of those that the commit is about, Preserved of
	// those that are to be kept for a human.
	Entries   []string `json:"entries,omitempty"`
	Preserved []string `json:"preserved,omitempty"`
	batch.Commit
	// Logs are the commit's log lines, by log.
	Logs map[string]*Log `json:"logs,omitempty"`
}

// Log is what a commit has for one log file.
type Log struct {
	Text []byte         `json:"text"`         // the lines, in no certain charset
	Was  stage.Identity `json:"was,omitzero"` // the file before they were written
}

// decode reads a record and makes sure that it is about a site's own files: who
// may write to DATA_DIR is not to have root remove a file somewhere else.
func decode(b []byte, s *site.Site) (*Record, error) {
	var v struct {
		Version int `json:"mmrunner_journal"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	if v.Version > Version {
		return nil, fmt.Errorf("had version %d, wanted at most %d: %w", v.Version, Version, ErrNewer)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	return &r, r.check(s)
}

// queues are the queues of Mailman's settings, by their usual names.
var queues = []string{"in", "out", "virgin", "shunt", "bad", "bounces", "commands", "archive", "news", "retry"}

func isQueue(s *site.Site, dir string) bool {
	return slices.ContainsFunc(queues, func(q string) bool { return filepath.Clean(s.QueueDir(q)) == filepath.Clean(dir) })
}

func isBase(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/\x00")
}

func (r *Record) check(s *site.Site) error {
	if !isQueue(s, r.Queue) || !isQueue(s, r.Bad) {
		return fmt.Errorf("had queues %q and %q, wanted two of the site", r.Queue, r.Bad)
	}
	for _, base := range slices.Concat(r.Entries, r.Preserved) {
		if !isBase(base) {
			return fmt.Errorf("had entry %q, wanted a base name", base)
		}
	}
	lists := map[string]bool{filepath.Clean(s.DataDir()): true} // for held messages
	for _, name := range r.Locks {
		lists[filepath.Clean(maillist.ListPath(s, name))] = true
	}
	ours := func(path string) bool {
		return path == "" || path == filepath.Clean(path) && (lists[filepath.Dir(path)] || isQueue(s, filepath.Dir(path)))
	}
	for _, f := range slices.Concat(r.Files, r.Outbox) {
		if f.Final == "" || !ours(f.Tmp) || !ours(f.Final) || !ours(f.LinkLast) {
			return fmt.Errorf("had file %q for %q, wanted them in the site's directories", f.Tmp, f.Final)
		}
	}
	for log := range r.Logs {
		if !isBase(log) {
			return fmt.Errorf("had log %q, wanted the name of one", log)
		}
	}
	return nil
}
