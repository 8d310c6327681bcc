package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Reason is why an entry was shunted or preserved.
type Reason struct {
	At     time.Time `json:"at"`
	Base   string    `json:"base"` // the entry's name in the shunt or bad queue, without a suffix
	Runner string    `json:"runner"`
	List   string    `json:"list"`
	Why    string    `json:"why"`
}

// reasonsFile is beside the data of an installation: whatever else lies in the shunt queue itself is taken for an
// entry, by cron/cull_bad_shunt among others.
const reasonsFile = "mmrunner-shunted.jsonl"

// maxReasons is at what size the file is cut down to the newer half.
const maxReasons = 1 << 20

// AddReason remembers why an entry was put aside. As with Ring.Add, an error is no reason to stop. It may be called
// before the entry is in its queue, and for one that does not get there.
func AddReason(dataDir string, r Reason) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}

	path := filepath.Join(dataDir, reasonsFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o660)
	if err != nil {
		return err
	}

	_, err = f.Write(append(line, '\n'))
	info, err2 := f.Stat()
	if err := errors.Join(err, err2, f.Close()); err != nil || info.Size() < maxReasons {
		return err
	}

	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}

	half := b[len(b)/2:]
	return replace(path, half[bytes.IndexByte(half, '\n')+1:])
}

// Reasons returns what AddReason was told, by the entries' names; of an entry the last counts.
func Reasons(dataDir string) (map[string]Reason, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, reasonsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	all := map[string]Reason{}
	for line := range bytes.Lines(b) {
		var r Reason
		if json.Unmarshal(line, &r) == nil {
			all[r.Base] = r
		}
	}

	return all, nil
}
