package enable

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Done lists the changes of one run, for [Undo].
type Done struct {
	Version int       `json:"mmrunner_enabled"` // of the format, 1
	List    string    `json:"list"`
	At      time.Time `json:"at"`
	Members []Member  `json:"members"`
}

// Write writes a new file with what a run has done, which only Mailman's user can
// read, and returns its name. The error is the file system's.
func (d Done) Write(dataDir string) (name string, err error) {
	d.Version = 1
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return "", err
	}

	name = filepath.Join(dataDir, fmt.Sprintf("mmrunner-enabled-%s-%s.json", d.List, d.At.UTC().Format("20060102T150405.000000")))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}

	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}

	return name, errors.Join(err, f.Close())
}

// Read reads such a file. The error names the first fault in it.
func Read(name string) (d Done, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	if d.Version != 1 || d.List == "" {
		return d, fmt.Errorf("%s: got version %d and list %q, need what mmrunner enable --apply has written (version 1)", name, d.Version, d.List)
	}
	return d, nil
}
