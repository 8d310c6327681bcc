package txn

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// Enqueue adds a message to the outbox, for the queue with that usual name. The error is for a message that cannot be
// pickled. [Tx.Err] also reports a file that could not be written.
func (tx *Tx) Enqueue(queue string, m *message.Message, data *qfile.Data) error {
	_, err := tx.enqueue(queue, m, data)
	return err
}

// Shunt adds an entry that failed to the outbox, for the shunt queue, and
// returns its base name. Errors are Enqueue's.
func (tx *Tx) Shunt(m *message.Message, data *qfile.Data) (base string, err error) {
	return tx.enqueue("shunt", m, data)
}

// Preserve keeps bytes that are not an entry for a human to look at, in the directory of preserved entries: as
// NAME.pck, which no runner takes up. [Tx.Err] reports that they could not be written.
func (tx *Tx) Preserve(name string, b []byte) {
	if err := tx.stage(tx.env.Site.QueueDir("bad"), name, b); err != nil {
		tx.failed = err
	}
}

// Remove makes the commit remove a file, together with its other changes.
func (tx *Tx) Remove(path string) { tx.removals = append(tx.removals, path) }

// Removed tells whether Remove was called for a file.
func (tx *Tx) Removed(path string) bool { return slices.Contains(tx.removals, path) }

// enqueue adds an entry to the outbox.
func (tx *Tx) enqueue(queue string, msg any, data *qfile.Data) (base string, err error) {
	base, body, err := qfile.Encode(msg, data, maillist.Seconds(tx.env.Now()), tx.env.Site.Profile.QfileSchemaVersion)
	if err != nil {
		return "", err
	}

	if err := tx.stage(tx.env.Site.QueueDir(queue), base, body); err != nil {
		tx.failed = err
		return "", err
	}
	return base, nil
}

// smallOutbox is how many bytes of an outbox are kept in memory until the transaction is prepared. A group may have
// hundreds of transactions with a message or two each, whose files are then written in parallel. Messages beyond that
// are written at once, so that an outbox of any size needs little memory.
const smallOutbox = 32 << 10

// heldFile is a file of the outbox that is only in memory.
type heldFile struct {
	tmp  string
	body []byte
}

// stage adds an entry's file to the outbox, under a temporary name.
func (tx *Tx) stage(dir, base string, body []byte) error {
	if err := tx.group.stageIn(dir, true); err != nil {
		return err
	}
	final := filepath.Join(dir, base+qfile.Waiting)
	file := heldFile{final + ".tmp." + tx.group.temp, body}
	tx.outbox = append(tx.outbox, stage.File{Tmp: file.tmp, Final: final})
	tx.bytes += int64(len(body))

	if tx.bytes <= smallOutbox {
		tx.unwritten = append(tx.unwritten, file)
		return nil
	}
	return tx.write(file)
}

// writeOutbox writes the files of the outbox that are still in memory.
func (tx *Tx) writeOutbox() error {
	for len(tx.unwritten) > 0 {
		file := tx.unwritten[0]
		tx.unwritten = tx.unwritten[1:]
		if err := tx.write(file); err != nil {
			return err
		}
	}
	return nil
}

// written returns the files of the outbox that are on the disk.
func (tx *Tx) written() []stage.File {
	return slices.DeleteFunc(slices.Clone(tx.outbox), func(f stage.File) bool {
		return slices.ContainsFunc(tx.unwritten, func(u heldFile) bool { return u.tmp == f.Tmp })
	})
}

// write makes a file of the outbox.
func (tx *Tx) write(file heldFile) error {
	reused, err := tx.group.j.reuse(file.tmp, file.body)
	if !reused {
		err = qfile.WriteFile(file.tmp, file.body, false)
	}

	if err != nil {
		// A part may have been written, and could not be removed.
		tx.group.j.SetUntidy()
	}
	return err
}

// makeQueue makes a missing queue directory.
func makeQueue(dir string) error {
	if _, err := disk.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := qfile.Open(dir, 0, 1, qfile.Options{}); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(dir))
}
