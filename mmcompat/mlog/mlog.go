// Package mlog is in charge of Mailman's log files: Mailman/Logging's Syslog,
// StampedLogger and Logger, with the same line format, encoding and modes.
package mlog

import (
	"io"
	"time"
)

// Logger writes lines to log files that go by name, e.g. "bounce".
type Logger interface {
	Printf(log, format string, a ...any)
}

// Set is the log files of one site. It may be used by many goroutines.
type Set struct{ dir string }

// Options are for those who need other than the process's own.
type Options struct {
	PID    int              // 0 means the process's
	Now    func() time.Time // nil means time.Now
	Stderr io.Writer        // where lines go that cannot be written; nil means os.Stderr
}

// Open makes the set of LOG_DIR. No file is opened before its first line.
func Open(dir string) *Set { return New(dir, Options{}) }

// New is Open with options.
func New(dir string, o Options) *Set { return &Set{dir: dir} }

// Printf adds one line to a log file, with the time and process id before it.
func (s *Set) Printf(log, format string, a ...any) { panic("not yet") }

// PrintAt is Printf for a line that belongs to another moment.
func (s *Set) PrintAt(at time.Time, log, text string) { panic("not yet") }

// Reopen closes all files, so that the next line makes them anew (log rotation).
func (s *Set) Reopen() { panic("not yet") }

// Close closes all files.
func (s *Set) Close() error { panic("not yet") }
