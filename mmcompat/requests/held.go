package requests

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Held is the record of a held message.
type Held struct {
	Time     float64      // when it came, in seconds since 1970
	Sender   pickle.Value // str or unicode
	Subject  pickle.Value // str, unicode or a Header instance
	Reason   pickle.Value
	Filename string       // below DATA_DIR: heldmsg-LIST-ID.pck, or .txt for plain text
	Data     pickle.Value // the message's metadata, a dict; not needed to drop the message
}

// ParseHeld reads the record of a held message. The error wraps ErrCorrupt.
func ParseHeld(record pickle.Value) (*Held, error) {
	items, err := py.Unpack(record, 6)
	if err != nil {
		return nil, fmt.Errorf("%w: held message: got %s, need a tuple of 6: %w", ErrCorrupt, pickle.Repr(record, 80), err)
	}

	h := &Held{Sender: items[1], Subject: items[2], Reason: items[3], Data: items[5]}
	h.Time, _ = items[0].(float64)
	switch name := items[4].(type) {
	case pickle.Str:
		h.Filename = string(name)
	case pickle.Unicode:
		h.Filename = string(name)
	default:
		return nil, fmt.Errorf("%w: file of a held message: got %s, need a name", ErrCorrupt, pickle.Repr(items[4], 80))
	}

	return h, nil
}

// Path is the held message's file.
func (db *DB) Path(h *Held) string {
	return filepath.Join(db.list.Site().DataDir(), h.Filename)
}

// RemoveFile makes the commit remove a held message's file. missing tells that the file is not there, which Mailman
// calls a lost message. The error is the file system's for a file that cannot be removed.
func (db *DB) RemoveFile(h *Held) (missing bool, err error) {
	path := db.Path(h)
	if db.removals.Removed(path) {
		return true, nil
	}

	info, err := disk.Lstat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), ignoreMissing(err)
	}
	if info.IsDir() {
		return false, &fs.PathError{Op: "unlink", Path: path, Err: syscall.EISDIR}
	}

	db.removals.Remove(path)
	return false, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadMessage reads a held message from its file: a pickled message or, with HOLD_MESSAGES_AS_PICKLES off, plain text
// (ListAdmin.readMessage). missing tells that the file is not there.
func (db *DB) ReadMessage(h *Held) (m *message.Message, missing bool, err error) {
	path := db.Path(h)
	b, err := disk.ReadFile(path)
	// A file that this batch has removed already is not there any more.
	if errors.Is(err, fs.ErrNotExist) || db.removals.Removed(path) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}

	// HOLD_MESSAGES_AS_PICKLES off: the message's own text.
	if filepath.Ext(path) == ".txt" {
		m, err = message.Parse(string(b))
		return m, false, err
	}

	// readMessage loads a pickle. A value that is no message fails when the caller adds to it.
	v, _, err := pickle.Load(b)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	in, ok := v.(*pickle.Instance)
	if !ok {
		why := py.Errorf("TypeError", "'%s' object does not support item assignment", py.TypeName(v))
		return nil, false, fmt.Errorf("%w: %s holds no message: %w", ErrCorrupt, path, why)
	}

	m, err = message.FromPickle(in)
	return m, false, err
}
