// Package mlog writes Mailman's log files: Mailman/Logging's Syslog,
// StampedLogger and Logger, with the same line format, encoding and modes.
package mlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// Logger writes lines to log files that go by name, e.g. "bounce".
type Logger interface {
	Printf(log, format string, a ...any)
}

// fileMode is a new file's mode under Logger's umask of 007.
const fileMode = 0o660

// Set is the log files of one site. It may be used by many goroutines.
type Set struct {
	dir string
	o   Options

	mu     sync.Mutex
	files  map[string]*disk.File
	limits map[string]Limited
}

// Options replace properties of the process.
type Options struct {
	PID    int              // 0 means the process's
	Now    func() time.Time // nil means time.Now
	Stderr io.Writer        // gets lines that cannot be written; nil means os.Stderr
}

// Open makes the set of LOG_DIR. No file is opened before its first line.
func Open(dir string) *Set { return New(dir, Options{}) }

// New is Open with options.
func New(dir string, o Options) *Set {
	if o.PID == 0 {
		o.PID = os.Getpid()
	}

	if o.Now == nil {
		o.Now = time.Now
	}

	if o.Stderr == nil {
		o.Stderr = terminal.NewWriter(os.Stderr)
	}

	return &Set{dir: dir, o: o, files: map[string]*disk.File{}, limits: map[string]Limited{}}
}

// Printf adds one line to a log file, with the time and process id before it. A
// line that cannot be written goes to standard error, with the reason.
func (s *Set) Printf(log, format string, a ...any) {
	s.PrintAt(s.o.Now(), log, fmt.Sprintf(format, a...))
}

// PrintAt is Printf with the time that the line belongs to.
func (s *Set) PrintAt(at time.Time, log, text string) {
	s.PrintLines([]Line{{Log: log, Text: text, At: at}})
}

// Line is a line for one of the logs, with the time that it belongs to.
type Line struct {
	Log  string    `json:"log"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// AppendTo appends the line as a log has it, stamped with the process id.
func (l Line) AppendTo(b []byte, pid int) []byte {
	b = l.At.AppendFormat(b, "Jan 02 15:04:05 2006")
	b = append(b, " ("...)
	b = strconv.AppendInt(b, int64(pid), 10)
	b = append(b, ") "...)
	b = append(b, l.Text...)
	return append(b, '\n')
}

// len returns about how many bytes AppendTo appends, and not fewer with a usual process id.
func (l Line) len() int { return len(l.Text) + len("Jan 02 15:04:05 2006 (4194304) \n") }

// Append adds bytes that are whole lines.
func (s *Set) Append(log string, lines []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(log, lines)
}

// chunk is how many bytes of lines one write has at most.
const chunk = 64 << 10

// PrintLines is PrintAt for many lines. Each log gets its lines in their order, in as few writes as possible. No
// write ends inside a line.
func (s *Set) PrintLines(lines []Line) {
	var order []string
	waiting := map[string][]byte{}
	s.mu.Lock()
	defer s.mu.Unlock()

	// Lines gather for each log, up to a chunk. A limited log gets all of its lines in one write, since it flushes each.
	for _, l := range lines {
		b, known := waiting[l.Log]
		if !known {
			order = append(order, l.Log)
		}

		if _, limited := s.limits[l.Log]; !limited && len(b) > 0 && len(b)+l.len() > chunk {
			s.write(l.Log, b)
			b = b[:0]
		}

		waiting[l.Log] = l.AppendTo(b, s.o.PID)
	}

	for _, log := range order {
		s.write(log, waiting[log])
	}
}

// write adds whole lines to a log in one write, so that lines of several
// processes do not mix.
func (s *Set) write(log string, lines []byte) {
	if limited, ok := s.limits[log]; ok {
		if err := limited.write(lines); err != nil {
			fmt.Fprintf(s.o.Stderr, "Logging error: %v\n%s", err, lines)
		}
		return
	}

	f, err := s.file(log)
	if err == nil {
		_, err = f.Write(lines)
	}

	if err != nil {
		fmt.Fprintf(s.o.Stderr, "Logging error: %v\n%s", err, lines)
	}
}

func (s *Set) file(log string) (*disk.File, error) {
	if f := s.files[log]; f != nil {
		return f, nil
	}
	path := filepath.Join(s.dir, log)
	f, err := disk.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		// The umask of the process is not Mailman's, and other users of the group must be able to add lines.
		err = f.Chmod(fileMode)
	} else if errors.Is(err, os.ErrExist) {
		f, err = disk.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	}

	if err != nil {
		return nil, err
	}
	s.files[log] = f
	return f, nil
}

// Path is a log's file.
func (s *Set) Path(log string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limited, ok := s.limits[log]; ok {
		return limited.Path
	}
	return filepath.Join(s.dir, log)
}

// Touch makes a missing log file. bin/qrunner's error log exists from its start, because its stderr goes there. The
// error says why the file cannot be made.
func (s *Set) Touch(log string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.file(log)
	return err
}

// Reopen closes all files, so that the next line makes them anew (log rotation).
func (s *Set) Reopen() { s.Close() }

// Close closes all files and returns the first error that one had. The set
// stays usable.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for name, f := range s.files {
		if err := f.Close(); err != nil && first == nil {
			first = err
		}
		delete(s.files, name)
	}

	return first
}
