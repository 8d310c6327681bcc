package qfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/pickle"
)

// maxBakCount is how often an entry may be found half done before it is preserved (Switchboard.MAX_BAK_COUNT).
const maxBakCount = 3

// Recover puts claimed entries of our slice back into the queue, as Switchboard.recover_backup_files does when a
// runner starts. Each recovery is counted in the entry's metadata. An entry that was recovered three times, or cannot
// be read, is preserved. Entries for which keep returns true are left alone: they belong to a commit that will be
// finished. Recover returns the recovered base names.
func (q *Queue) Recover(keep func(base string) bool) (recovered []string, err error) {
	bases, err := q.Files(Claimed)
	if err != nil {
		return nil, err
	}

	// Entries of a commit that will be finished must not take effect again.
	if keep != nil {
		bases = slices.DeleteFunc(bases, keep)
	}

	// Count first, flush all at once, and rename then: a crash in between loses no count.
	var counted []recovery
	for _, base := range bases {
		r, err := q.recount(base, len(bases) <= fewFiles)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}

		if r.tmp != "" {
			counted = append(counted, r)
		}
	}

	if len(bases) > fewFiles {
		if err := disk.SyncFS(q.dir); err != nil {
			return nil, err
		}
	}

	// The counts are on the disk: now the entries get their .pck names back, and spent ones go to the bad queue.
	for _, r := range counted {
		ok, err := q.recover(r)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return recovered, err
		}

		if ok {
			recovered = append(recovered, r.base)
		}
	}

	return recovered, nil
}

// fewFiles is the number of files up to which files are flushed one by one. More files are flushed together, with all
// else that their file system has not written yet.
const fewFiles = 4

// recovery is an entry that is about to go back into the queue.
type recovery struct {
	base  string
	tmp   string // the entry, written anew with its count; "" if it was preserved
	spent bool   // it was recovered too often
}

// recount writes an entry with its new count beside it. An entry that cannot be read is preserved.
func (q *Queue) recount(base string, sync bool) (recovery, error) {
	b, err := disk.ReadFile(q.Path(base, Claimed))
	if err != nil {
		return recovery{}, err
	}

	// Switchboard preserves an entry that it cannot unpickle.
	it, err := Decode(base, b)
	if err != nil {
		q.o.Log(fmt.Sprintf("Unpickling .bak exception: %v\npreserving file: %s", err, base))
		q.Preserve(base)
		return recovery{}, nil
	}

	// The count is in the metadata. Only the metadata is written anew; the message's bytes stay.
	count, spent := recoveries(it.Data)
	it.Data.Set("_bak_count", count)
	protocol := 1

	if it.Data.True("_parsemsg") {
		protocol = 0
	}

	meta, err := pickle.Dump(it.Data.dict, protocol)
	if err != nil {
		return recovery{}, err
	}

	// A new file, and not in place: a crash must not tear the only copy.
	r := recovery{base, q.Path(base, Waiting) + temporary, spent}
	return r, WriteFile(r.tmp, append(b[:it.dataAt:it.dataAt], meta...), sync)
}

// recover puts a counted entry back into the queue, unless it was recovered too often.
func (q *Queue) recover(r recovery) (bool, error) {
	if err := disk.Rename(r.tmp, q.Path(r.base, Claimed)); err != nil {
		return false, err
	}

	if r.spent {
		q.o.Log(fmt.Sprintf(".bak file max count, preserving file: %s", r.base))
		q.Preserve(r.base)
		return false, nil
	}

	return true, q.Release(r.base)
}

// recoveries counts one more recovery, and tells whether it is one too many. A count that is no number counts as 0;
// Mailman's runner would not start with it.
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

// Recoveries returns how often the entry was recovered, by its metadata.
func (it *Item) Recoveries() int {
	n, _ := it.Data.Get("_bak_count")
	if n, ok := n.(pickle.Int); ok {
		return int(n)
	}
	return 0
}

// RecoverOne is Recover for the one entry over which a process died. The error wraps fs.ErrNotExist where the entry
// is not claimed.
func (q *Queue) RecoverOne(base string) error {
	r, err := q.recount(base, true)
	if err != nil || r.tmp == "" {
		return err
	}
	_, err = q.recover(r)
	return err
}
