// Package site knows one installed Mailman ([Site]): where it is, its settings, languages, texts and bounce patterns,
// and which of its modules the Go code does not know.
//
// All of it comes from the installation's own Python, which runs a small
// embedded program (probe.py) and answers with one JSON document, the Profile.
// The profile is cached beside the installation's data and made again when a
// file it came from changes. Nothing here writes to Mailman's own files.
package site

import (
	"path/filepath"
	"time"
)

// Site is one Mailman installation with its settings and texts.
type Site struct {
	Prefix  string   // PREFIX: the directory with bin, Mailman, templates and messages
	Profile *Profile // never nil
	Python  string   // the interpreter of its own scripts; "" without one
	Probed  bool     // the profile came from this installation, not from Builtin
	Cached  bool     // the profile was read from its cache file
	Problem error    // why the installation could not be probed; nil if it was

	cacheFile string
}

// Options says how Open may learn about an installation.
type Options struct {
	Python  string           // the interpreter; "" means $MAILMAN_PYTHON, then bin/qrunner's first line
	NoCache bool             // neither read nor write the cached profile
	Watch   bool             // read the cached profile, and write nothing
	Warn    func(msg string) // called once for each problem; nil drops the warnings
}

// Duration returns a setting that counts seconds.
func (s *Site) Duration(name string) time.Duration {
	return time.Duration(s.Float(name) * float64(time.Second))
}

// ListDataDir is LIST_DATA_DIR: one directory for each list.
func (s *Site) ListDataDir() string { return s.Str("LIST_DATA_DIR") }

// DataDir is DATA_DIR.
func (s *Site) DataDir() string { return s.Str("DATA_DIR") }

// LockDir is LOCK_DIR.
func (s *Site) LockDir() string { return s.Str("LOCK_DIR") }

// LogDir is LOG_DIR.
func (s *Site) LogDir() string { return s.Str("LOG_DIR") }

// TemplateDir is TEMPLATE_DIR: the distribution's templates, one directory for
// each language, and the site's and hosts' own.
func (s *Site) TemplateDir() string { return s.Str("TEMPLATE_DIR") }

// MessagesDir is MESSAGES_DIR: the gettext catalogs.
func (s *Site) MessagesDir() string { return s.Str("MESSAGES_DIR") }

// QueueDir returns the directory of a queue that goes by its usual name: in,
// out, commands, bounces, news, archive, shunt, virgin, bad, retry or maildir.
// Any other name is taken for a directory under QUEUE_DIR.
func (s *Site) QueueDir(queue string) string {
	setting := map[string]string{
		"in": "INQUEUE_DIR", "out": "OUTQUEUE_DIR", "commands": "CMDQUEUE_DIR",
		"bounces": "BOUNCEQUEUE_DIR", "news": "NEWSQUEUE_DIR", "archive": "ARCHQUEUE_DIR",
		"shunt": "SHUNTQUEUE_DIR", "virgin": "VIRGINQUEUE_DIR", "bad": "BADQUEUE_DIR",
		"retry": "RETRYQUEUE_DIR", "maildir": "MAILDIR_DIR",
	}[queue]

	if dir := s.Str(setting); dir != "" {
		return dir
	}
	return filepath.Join(s.Str("QUEUE_DIR"), queue)
}
