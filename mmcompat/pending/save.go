package pending

import (
	"fmt"
	"io"

	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// Changed tells whether there is something for Stage to write.
func (db *DB) Changed() bool { return db.saves != db.staged }

// Stage writes the file under the temporary name that Mailman uses and flushes it. It returns no file if no operation
// would have saved.
func (db *DB) Stage() ([]stage.File, error) {
	if !db.Changed() {
		return nil, nil
	}
	temp := db.o.Temp
	if temp == "" {
		temp = fmt.Sprintf("%d.%d", db.o.PID, db.o.Now().Unix())
	}

	tmp := db.path + ".tmp." + temp
	f, err := stage.New(tmp, db.path, "", 0o660, func(w io.Writer) error {
		_, err := db.doc.WriteTo(w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("saving: %w", err)
	}

	return []stage.File{f}, nil
}

// Published must be called once Stage's files are in their places. Savepoints are void then.
func (db *DB) Published() error {
	db.doc.Release()
	if db.queue != nil {
		db.queue.popped = nil
	}

	if !db.Changed() {
		return nil // Stage had nothing to write, and there may be no file
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
