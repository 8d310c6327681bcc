package qfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/pickle"
)

// maxBakCount is how often an entry may be found half done before it is kept
// from the queue (Switchboard.MAX_BAK_COUNT).
const maxBakCount = 3

// Recover puts claimed entries of our slice back into the queue, as
// Switchboard.recover_backup_files does when a runner starts. Each is counted in
// its metadata, and one that was recovered three times, or cannot be read, is
// preserved. Entries for which keep returns true are left alone: they belong to
// a commit that will be finished. It returns the recovered base names.
func (q *Queue) Recover(keep func(base string) bool) (recovered []string, err error) {
	bases, err := q.Files(Claimed)
	if err != nil {
		return nil, err
	}
	for _, base := range bases {
		if keep != nil && keep(base) {
			continue
		}
		ok, err := q.recover(base)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return recovered, err
		}
		if ok {
			recovered = append(recovered, base)
		}
	}
	return recovered, nil
}

func (q *Queue) recover(base string) (bool, error) {
	path := q.Path(base, Claimed)
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	it, err := Decode(base, b)
	if err != nil {
		q.o.Log(fmt.Sprintf("Unpickling .bak exception: %v\npreserving file: %s", err, base))
		q.Preserve(base)
		return false, nil
	}
	count, spent := recoveries(it.Data)
	it.Data.Set("_bak_count", count)
	protocol := 1
	if it.Data.True("_parsemsg") {
		protocol = 0
	}
	meta, err := pickle.Dump(it.Data.dict, protocol)
	if err != nil {
		return false, err
	}
	// Written anew beside it rather than in place: a crash must not tear the only copy.
	tmp := q.Path(base, Waiting) + temporary
	if err := WriteFile(tmp, append(b[:it.dataAt:it.dataAt], meta...), true); err != nil {
		return false, err
	}
	if err := disk.Rename(tmp, path); err != nil {
		return false, err
	}
	if spent {
		q.o.Log(fmt.Sprintf(".bak file max count, preserving file: %s", base))
		q.Preserve(base)
		return false, nil
	}
	return true, q.Release(base)
}

// recoveries counts one recovery more, and tells whether it is one too many.
// What is no number, where Mailman's runner would not start, counts as none.
func recoveries(d *Data) (count pickle.Value, spent bool) {
	switch n, _ := d.Get("_bak_count"); n := n.(type) {
	case bool:
		if n {
			return pickle.Int(2), false
		}
	case pickle.Int:
		return n + 1, n+1 >= maxBakCount
	case *big.Int:
		m := new(big.Int).Add(n, big.NewInt(1))
		return m, m.Cmp(big.NewInt(maxBakCount)) >= 0
	case float64:
		return n + 1, n+1 >= maxBakCount
	}
	return pickle.Int(1), false
}

// RecoverOne is Recover of the one entry that somebody died over. The error wraps
// fs.ErrNotExist where it is no claimed entry.
func (q *Queue) RecoverOne(base string) error {
	_, err := q.recover(base)
	return err
}
