package journal

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner/txn"
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
	txn.Commit
	// Logs are the commit's log lines, by log.
	Logs map[string]*Log `json:"logs,omitempty"`
}

// Log is what a commit has for one log file.
type Log struct {
	Text []byte         `json:"text"`         // the lines, in no certain charset
	Was  stage.Identity `json:"was,omitzero"` // the file before they were written
}

// decode reads a record and makes sure that it is about a site's own files, see
// Record.check.
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
	if err := r.check(s); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	return &r, nil
}
