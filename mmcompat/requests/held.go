package requests

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
)

// Held is the record of a held message.
type Held struct {
	Time     float64      // when it came, in seconds since 1970
	Sender   pickle.Value // str or unicode
	Subject  pickle.Value // str, unicode or a Header instance
	Reason   pickle.Value
	Filename string       // below DATA_DIR: heldmsg-LIST-ID.pck, or .txt for plain text
	Data     *pickle.Dict // the message's metadata
}

// ParseHeld reads the record of a held message. The error wraps ErrCorrupt.
func ParseHeld(record pickle.Value) (*Held, error) {
	t, ok := record.(*pickle.Tuple)
	if !ok || len(t.Items) != 6 {
		return nil, fmt.Errorf("%w: held message is %s, wanted a tuple of 6", ErrCorrupt, pickle.Repr(record, 80))
	}
	h := &Held{Sender: t.Items[1], Subject: t.Items[2], Reason: t.Items[3]}
	h.Time, _ = t.Items[0].(float64)
	name, isStr := t.Items[4].(pickle.Str)
	data, isDict := t.Items[5].(*pickle.Dict)
	if !isStr || !isDict {
		return nil, fmt.Errorf("%w: held message has file %s and data %s", ErrCorrupt, pickle.Repr(t.Items[4], 80), pickle.Repr(t.Items[5], 80))
	}
	h.Filename, h.Data = string(name), data
	return h, nil
}

// Path is the held message's file.
func (db *DB) Path(h *Held) string {
	return filepath.Join(db.list.Site().DataDir(), h.Filename)
}

// RemoveFile has a held message's file removed when the commit is published.
// missing tells that it is not there, which Mailman calls a lost message.
func (db *DB) RemoveFile(h *Held) (missing bool, err error) {
	path := db.Path(h)
	if slices.Contains(db.gone, path) {
		return true, nil
	}
	if _, err := disk.Lstat(path); err != nil {
		return errors.Is(err, fs.ErrNotExist), ignoreMissing(err)
	}
	db.gone = append(db.gone, path)
	return false, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadMessage reads a held message from its file, which is a pickled message
// or, as HOLD_MESSAGES_AS_PICKLES has it, plain text (ListAdmin.readMessage).
// missing tells that the file is not there.
func (db *DB) ReadMessage(h *Held) (m *message.Message, missing bool, err error) {
	path := db.Path(h)
	b, err := disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || slices.Contains(db.gone, path) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	if filepath.Ext(path) == ".txt" {
		m, err = message.Parse(string(b))
		return m, false, err
	}
	v, _, err := pickle.Load(b)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %s: %v", ErrCorrupt, path, err)
	}
	in, ok := v.(*pickle.Instance)
	if !ok {
		return nil, false, fmt.Errorf("%w: %s holds a %T, wanted a message", ErrCorrupt, path, v)
	}
	m, err = message.FromPickle(in)
	return m, false, err
}
