package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// flushes measures what no way of taking mail can pass: each of some goroutines writes
// the bytes of a message to blocks that a file has already, and flushes them.
func (o Intake) flushes(dir string, goroutines int) (row IntakeRow, err error) {
	messages := max(1, o.Messages/rounds)
	o.tell("the disk's flushes, %d, %d at once", messages, goroutines)
	_, texts, err := intakeSite(dir, messages)
	if err != nil {
		return row, err
	}

	files := make([]*disk.File, goroutines)
	for i := range files {
		f, err := disk.Create(filepath.Join(dir, fmt.Sprint(i)), 0o600)
		if err != nil {
			return row, err
		}
		defer f.Close()
		if _, err := f.Write(make([]byte, flushedSize)); err != nil {
			return row, err
		}
		if err := f.Sync(); err != nil {
			return row, err
		}
		files[i] = f
	}

	ends := make([]int64, goroutines)
	return timed(wayFlush, len(texts), goroutines, func(g, i int) error {
		text := texts[i][:min(len(texts[i]), flushedSize)]
		if ends[g]+int64(len(text)) > flushedSize {
			ends[g] = 0
		}

		_, err := files[g].WriteAt([]byte(text), ends[g])
		ends[g] += int64(len(text))
		return errors.Join(err, files[g].SyncData())
	})
}

// flushedSize is the size of a file whose blocks are written over.
const flushedSize = 1 << 20

// files measures the usual way to be sure of a file: each of some goroutines writes
// files of such sizes under another name, flushes and renames them, and flushes their
// directory.
func (o Intake) files(dir string, goroutines int) (row IntakeRow, err error) {
	messages := max(1, o.Messages/rounds)
	o.tell("the disk alone, %d files, %d at once", messages, goroutines)
	_, texts, err := intakeSite(dir, messages)
	if err != nil {
		return row, err
	}

	d, err := os.Open(dir)
	if err != nil {
		return row, err
	}
	defer d.Close()

	return timed(wayFile, len(texts), goroutines, func(_, i int) error {
		name := filepath.Join(dir, fmt.Sprint(i))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
		if err != nil {
			return err
		}
		_, err = f.WriteString(texts[i])
		return errors.Join(err, f.Sync(), f.Close(), os.Rename(name, name+".pck"), d.Sync())
	})
}

// timed calls f for 0 to n-1 on some goroutines, and makes a row of it.
func timed(way string, n, goroutines int, f func(goroutine, i int) error) (row IntakeRow, err error) {
	before, err := ownTime()
	if err != nil {
		return row, err
	}
	began := time.Now()
	if err := shareOut(n, goroutines, f); err != nil {
		return row, err
	}

	took := time.Since(began)
	after, err := ownTime()
	return IntakeRow{
		Way: way, Messages: n, Connections: goroutines, Elapsed: took.Seconds(), CPU: (after - before).Seconds(),
	}, err
}
