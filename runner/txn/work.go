package txn

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// notes is the content of a work file.
type notes struct {
	queue     string
	inHand    []int // from 1
	entries   []string
	temps     []temp
	committed map[int]bool // transactions of the record, from 1
}

// temp is a directory with temporary files, and the ending of their names.
type temp struct{ ending, dir string }

// workVersion is the version of the format of work files. Version 1 had one slot.
const workVersion = 2

// readWork reads a work file, as far as it names directories of this site. The file is never flushed: a missing
// one, or one that a loss of power left torn or with zeros in it, says as much as it has. The error is for a file
// that cannot be read, and for one of a newer mmrunner.
func readWork(file string, s *site.Site) (notes, error) {
	n := notes{committed: map[int]bool{}}
	b, err := readOurs(file)
	if err != nil {
		return n, ignoreMissing(err)
	}

	// The last line counts only when it is whole.
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	for line := range strings.Lines(string(b)) {
		line = line[:len(line)-1]
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		// The first line: the version, and the numbers of the entries in hand, one for each slot.
		case "mmrunner-work":
			version, at, _ := strings.Cut(rest, " at")
			if v, err := strconv.Atoi(version); err == nil && v > workVersion {
				return n, fmt.Errorf("%s: got %q, need one of version %d at most: %w", file, line, workVersion, ErrNewer)
			}

			for _, field := range strings.Fields(at) {
				if i, err := strconv.Atoi(field); err == nil && i > 0 {
					n.inHand = append(n.inHand, i)
				}
			}
		// A name with a slash in it would reach beyond the queue.
		case "entry":
			if isBase(rest) {
				n.entries = append(n.entries, rest)
			}
		case "commit":
			if i, err := strconv.Atoi(rest); err == nil {
				n.committed[i] = true
			}
		// The user mailman and its group can write here, so a directory is checked before anything in it is removed.
		case "dir":
			ending, quoted, _ := strings.Cut(rest, " ")
			if dir, err := strconv.Unquote(quoted); err == nil && isOurs(s, dir) {
				n.temps = append(n.temps, temp{".tmp." + ending, dir})
			}
		// The line with the runner and its two queues begins with a quote.
		default:
			var name, queue, bad string
			if _, err := fmt.Sscanf(line, "%q %q %q", &name, &queue, &bad); err == nil && isQueue(s, queue) {
				n.queue = queue
			}
		}
	}

	return n, nil
}

// undo takes back the work of a process that died before its commit point. It returns how many entries it put back.
func (n notes) undo(open func(dir string) (*qfile.Queue, error)) (undone int, err error) {
	if err := n.tidy(); err != nil || n.queue == "" || len(n.entries) == 0 {
		return 0, err
	}
	q, err := open(n.queue)
	if err != nil {
		return 0, err
	}

	for i, base := range n.entries {
		put := q.Release
		if slices.Contains(n.inHand, i+1) {
			put = func(base string) error { return recoverInHand(q, base) }
		}

		if err := put(base); err == nil {
			undone++
		} else if !errors.Is(err, fs.ErrNotExist) {
			return undone, err
		}
	}

	return undone, nil
}

// recoverInHand puts back an entry over which a process died, and counts the death. An entry that was being
// classified is not claimed yet.
func recoverInHand(q *qfile.Queue, base string) error {
	err := q.RecoverOne(base)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := q.Read(base, qfile.Waiting); err != nil {
		// An entry that cannot be read cannot be counted either. The engine reports it.
		return nil
	}
	if err := q.Claim(base); err != nil {
		return err
	}
	return q.RecoverOne(base)
}

// tidy removes the temporary files that a journal has noted, by directory and ending.
func (n notes) tidy() error {
	endings := map[string][]string{}
	for _, t := range n.temps {
		endings[t.dir] = append(endings[t.dir], t.ending)
	}

	// Other processes have temporary files in the same directories: only names with the noted endings go.
	for dir, of := range endings {
		d, err := disk.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}

		names, err := d.Readdirnames(-1)
		if err := errors.Join(err, d.Close()); err != nil {
			return err
		}

		for _, name := range names {
			if !slices.ContainsFunc(of, func(ending string) bool { return strings.HasSuffix(strings.TrimSuffix(name, ".last"), ending) }) {
				continue
			}
			if err := ignoreMissing(disk.Remove(filepath.Join(dir, name))); err != nil {
				return err
			}
		}
	}

	return nil
}
