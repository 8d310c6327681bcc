package txn

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner/events"
)

// addLogs puts the log lines into a record, and the size of each log, from which a recovery tells which lines were
// written.
func (r *Record) addLogs(logs *mlog.Set) {
	was := map[string]stage.Identity{}
	begin := func(log string) *Log {
		if _, ok := was[log]; !ok {
			// A missing log has size 0.
			was[log], _ = stage.Identify(logs.Path(log))
		}
		return &Log{Was: was[log]}
	}

	for _, c := range r.Commits {
		c.Logs = map[string]*Log{}
		for _, l := range c.lines {
			g := c.Logs[l.Log]
			if g == nil {
				g = begin(l.Log)
				c.Logs[l.Log] = g
			}
			g.Text = l.AppendTo(g.Text, r.PID)
		}

		if len(c.events) > 0 {
			g := begin(events.Log)
			g.Text = c.events
			c.Logs[events.Log] = g
		}
	}
}

// since returns what was added to a log file after the record was written: to the file that it was then, which may have
// been renamed since by logrotate, and to the file that has its name now.
func (g *Log) since(path string) ([]byte, error) {
	files, err := filepath.Glob(quoteGlob(path) + "*")
	if err != nil {
		return nil, err
	}

	var b []byte
	for _, file := range files {
		id, err := stage.Identify(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}

		// The same file has grown from what it was; another file with the name is new from its start.
		from := int64(0)
		if id.Ino == g.Was.Ino && id.Size >= g.Was.Size {
			from = g.Was.Size
		} else if file != path {
			continue
		}

		part, err := readFrom(file, from)
		if err != nil {
			return nil, err
		}

		// The renamed file's lines come first: they are older.
		if file == path {
			b = append(b, part...)
		} else {
			b = append(part, b...)
		}
	}

	return b, nil
}

func quoteGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

func readFrom(file string, at int64) ([]byte, error) {
	f, err := disk.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

// unwritten returns the end of text that is not in written. Lines are written in order, in pieces that end with a
// line unless the process died. Lines of other processes may lie between them.
func unwritten(text, written []byte) []byte {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		i := bytes.Index(written, text[:end])
		if i < 0 {
			break
		}
		text, written = text[end:], written[i+end:]
	}

	// A torn line can be completed as long as nothing follows it.
	for n := min(len(text), len(written)); n > 0; n-- {
		if bytes.HasSuffix(written, text[:n]) {
			return text[n:]
		}
	}

	return text
}
