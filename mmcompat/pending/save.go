package pending

import (
	"bytes"
	"fmt"
	"io"

	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// Changed tells whether there is something for Stage to write.
func (db *DB) Changed() bool { return db.saves != db.staged }

// Stage writes the file under the temporary name that Mailman uses and syncs
// it. There is none to publish if no operation would have saved.
func (db *DB) Stage() ([]stage.File, error) {
	if !db.Changed() {
		return nil, nil
	}
	temp := db.o.Temp
	if temp == "" {
		temp = fmt.Sprintf("%d.%d", db.o.PID, db.o.Now().Unix())
	}
	tmp := db.path + ".tmp." + temp
	f, err := stage.New(tmp, db.path, "", 0o660, db.writeTo)
	if err != nil {
		return nil, fmt.Errorf("saving: %w", err)
	}
	return []stage.File{f}, nil
}

// Published is to be called once Stage's files are in their place. Savepoints
// are void.
func (db *DB) Published() error {
	db.doc.Release()
	if db.queue != nil {
		db.queue.popped = nil
	}
	if !db.Changed() {
		return nil // Stage had nothing, and the file need not even be there
	}
	db.staged = db.saves
	id, err := stage.Identify(db.path)
	if err != nil {
		return err
	}
	db.id = id
	if int64(db.doc.OverlaySize()) > id.Size/2 {
		return db.doc.Compact()
	}
	return nil
}

// writeTo writes the database in protocol 0, which is the one Pending.py uses.
// Each record is pickled by itself and put into the one dict: its memo numbers
// are then used again and again, which a reader does not mind, as no record
// refers to another's.
func (db *DB) writeTo(w io.Writer) error {
	if _, err := io.WriteString(w, "(dp1\n"); err != nil {
		return err
	}
	for _, key := range db.doc.Keys() {
		v, _, err := db.get(key)
		if err != nil {
			return err
		}
		for _, v := range []pickle.Value{pickle.Str(key), v} {
			b, err := pickle.Dump(v, 0)
			if err != nil {
				return fmt.Errorf("record %s: %w", key, err)
			}
			if _, err := w.Write(bytes.TrimSuffix(b, []byte("."))); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(w, "s"); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, ".")
	return err
}
