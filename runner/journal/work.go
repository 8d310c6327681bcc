package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// notes is what a work file says.
type notes struct {
	queue   string
	inHand  int // from 1; 0 for none
	entries []string
	temps   []temp
}

// temp is a directory with temporary files, and what their names end in.
type temp struct{ ending, dir string }

// readWork reads a work file, as far as it is about a site's own directories. It is
// not flushed: one that is not there, or that a loss of power has left torn or
// with zeros in it, says as much as it has. The error is for one that cannot be
// read, and for that of a newer mmrunner.
func readWork(file string, s *site.Site) (notes, error) {
	b, err := readOurs(file)
	if err != nil {
		return notes{}, ignoreMissing(err)
	}
	var n notes
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	for line := range strings.Lines(string(b)) {
		line = line[:len(line)-1]
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "mmrunner-work":
			// What is torn leaves them 0.
			version := 0
			fmt.Sscan(rest, &version)
			fmt.Sscanf(line+"\n", header, &n.inHand)
			if version > 1 {
				return notes{}, fmt.Errorf("%s: had %q, wanted one of version 1: %w", file, line, ErrNewer)
			}
		case "entry":
			if isBase(rest) {
				n.entries = append(n.entries, rest)
			}
		case "dir":
			ending, quoted, _ := strings.Cut(rest, " ")
			if dir, err := strconv.Unquote(quoted); err == nil && isOurs(s, dir) {
				n.temps = append(n.temps, temp{".tmp." + ending, dir})
			}
		default:
			var name, queue, bad string
			if _, err := fmt.Sscanf(line, "%q %q %q", &name, &queue, &bad); err == nil && isQueue(s, queue) {
				n.queue = queue
			}
		}
	}
	return n, nil
}

// undo takes back what a process did that died before its commit point. It
// returns how many entries it put back.
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
		if i+1 == n.inHand {
			put = q.RecoverOne
		}
		if err := put(base); err == nil {
			undone++
		} else if !errors.Is(err, fs.ErrNotExist) {
			return undone, err
		}
	}
	return undone, nil
}

// tidy removes temporary files.
func (n notes) tidy() error {
	for _, t := range n.temps {
		d, err := disk.Open(t.dir)
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
			if strings.HasSuffix(strings.TrimSuffix(name, ".last"), t.ending) {
				if err := ignoreMissing(disk.Remove(filepath.Join(t.dir, name))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
