package events

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"
)

// Read gives the events of a site since a moment, the oldest first. A line that
// is torn or of another version is passed over. The error is the file system's;
// that there is no event yet is none.
func Read(dataDir string, since time.Time) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, name := range File(dataDir).Files() {
			f, err := os.Open(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				yield(Event{}, err)
				return
			}

			more := readFile(f, since, yield)
			f.Close()
			if !more {
				return
			}
		}
	}
}

func readFile(f io.Reader, since time.Time, yield func(Event, error) bool) (more bool) {
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)

	for lines.Scan() {
		var e Event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.At.Before(since) {
			continue
		}
		if !yield(e, nil) {
			return false
		}
	}

	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
		return yield(Event{}, err)
	}

	return true
}
