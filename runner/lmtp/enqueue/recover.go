package enqueue

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// recoverSegments gives the entries their names that a process of this host, which
// died, had acknowledged.
func recoverSegments(o Options) error {
	type found struct {
		path       string
		generation uint64
		marked     bool
		items      []item
	}
	var all []found

	for _, path := range segmentPaths(o) {
		generation, marked, records, err := readSegment(path)
		if errors.Is(err, errNoHeader) {
			continue
		}
		if err != nil {
			return err
		}

		f := found{path, generation, marked, nil}
		for _, r := range records {
			it, err := o.entryOf(r)
			if err != nil {
				return err
			}
			f.items = append(f.items, it)
		}
		if len(f.items) > 0 {
			all = append(all, f)
		}
	}

	// The older segment has the older entries.
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.generation, b.generation) })
	for _, f := range all {
		if err := recoverSegment(f.path, f.generation, f.marked, f.items); err != nil {
			return err
		}
	}
	return nil
}

func recoverSegment(path string, generation uint64, marked bool, items []item) (err error) {
	file, err := disk.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	s := newSegment(file)
	defer func() { err = errors.Join(err, s.close()) }()
	s.generation, s.acknowledged = generation, items

	if marked {
		// The one that wrote the mark may have died before it was flushed.
		err = s.mark()
	} else {
		err = rewrite(items)
	}

	if err != nil {
		return err
	}
	return s.publish(func(item) error { return nil })
}

// rewrite writes the temporary files of entries anew, whatever is there.
func rewrite(items []item) error {
	for _, it := range items {
		anew := it.tmp[:len(it.tmp)-len(temporarySuffix)] + "-anew" + temporarySuffix
		if err := disk.Remove(filepath.Join(it.entry.Dir, anew)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := it.entry.Write(anew); err != nil {
			return err
		}
		if err := disk.Rename(filepath.Join(it.entry.Dir, anew), filepath.Join(it.entry.Dir, it.tmp)); err != nil {
			return err
		}
	}
	return nil
}
