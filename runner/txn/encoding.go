package txn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// Version is the version of the format of records.
const Version = 3

// ErrNewer says that a newer mmrunner has written a record, and must finish it.
var ErrNewer = errors.New("a newer mmrunner has to finish it")

// Log has a transaction's lines for one log file. A batch has megabytes of them, in no certain charset, so they follow
// the record's object as they are: JSON would need base64 and two more copies.
type Log struct {
	Text []byte         `json:"-"`            // the lines
	Size int            `json:"size"`         // of Text, in bytes
	Was  stage.Identity `json:"was,omitzero"` // the file when the record was written

	// Old is Text in records before version 3.
	Old []byte `json:"text,omitempty"`
}

// logs yields the logs of all transactions in the order in which their lines follow the object.
func (r *Record) logs(yield func(*Log) bool) {
	for _, c := range r.Commits {
		for _, name := range slices.Sorted(maps.Keys(c.Logs)) {
			if !yield(c.Logs[name]) {
				return
			}
		}
	}
}

// encode returns a record as its file holds it, in pieces.
func (r *Record) encode() (pieces [][]byte, err error) {
	pieces = [][]byte{nil}
	for g := range r.logs {
		g.Size = len(g.Text)
		pieces = append(pieces, g.Text)
	}

	var b bytes.Buffer
	enc := json.NewEncoder(&b) // ends the object with a newline
	enc.SetEscapeHTML(false)
	err = enc.Encode(r)
	pieces[0] = b.Bytes()

	return pieces, err
}

// decode reads a record and makes sure that it names this site's own files only, see Record.check.
func decode(b []byte, s *site.Site) (*Record, error) {
	var r Record
	object, lines, _ := bytes.Cut(b, []byte("\n"))
	if err := json.Unmarshal(object, &r); err != nil {
		return nil, err
	}
	if r.Version > Version {
		return nil, fmt.Errorf("got version %d, need at most %d: %w", r.Version, Version, ErrNewer)
	}

	if r.Version < 2 {
		// Version 1 had one transaction. It was committed when the record existed.
		c := &Commit{marked: true}
		if err := json.Unmarshal(object, c); err != nil {
			return nil, err
		}
		r.Commits = []*Commit{c}
	}

	if slices.Contains(r.Commits, nil) {
		return nil, errors.New("got null, need a transaction")
	}
	if err := r.takeLines(lines); err != nil {
		return nil, err
	}
	if err := r.check(s); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}

	return &r, nil
}

// takeLines gives each log the lines that follow the object.
func (r *Record) takeLines(lines []byte) error {
	for g := range r.logs {
		if g == nil {
			return errors.New("got null, need a log's lines")
		}
		if r.Version < 3 {
			g.Text, g.Old = g.Old, nil
			continue
		}

		if g.Size < 0 || g.Size > len(lines) {
			return fmt.Errorf("got %d bytes of log lines, need %d", len(lines), g.Size)
		}
		g.Text, lines = lines[:g.Size:g.Size], lines[g.Size:]
	}

	if len(lines) > 0 {
		return fmt.Errorf("got %d bytes after the last log line, need none", len(lines))
	}
	return nil
}
