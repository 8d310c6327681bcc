// Package events writes and reads data/mmrunner-events: what each commit did about
// bounces, one JSON object a line, for [Read] and other programs.
// It is written only if a site asks for it (package settings), because it keeps
// who bounced and why for longer than Mailman does. Mailman never reads it, and
// list state does not depend on it.
//
// The lines of a commit are in its journal's record as its log lines are, so each
// is written once, whatever instruction the process dies at. The file is cut off
// at 16 MB and three older ones are kept, mmrunner-events.1 to .3; all have mode
// 0660. A field that is not known is left out. See [Event] for them.
package events

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// Log is the name of the file, and of the log that it is to package mlog.
const Log = "mmrunner-events"

// keyFile has the key of the hashes of addresses.
const keyFile = "mmrunner-events.key"

// File is the events' log of a site, by its data directory.
func File(dataDir string) mlog.Limited {
	return mlog.Limited{Path: filepath.Join(dataDir, Log), Size: 16 << 20, Keep: 3}
}

// Kind is the subject of an event.
type Kind string

// The kinds of events.
const (
	Bounce   Kind = "bounce"    // a bounce of a member was registered
	Probe    Kind = "probe"     // a probe of a member came back
	Unknown  Kind = "unknown"   // a bounce in which no address was found
	NoBounce Kind = "no-bounce" // a message to the bounces address that is none; Class says what
	Held     Kind = "held"      // a bounce was registered, and the guard held its member, who would have been disabled
	Enabled  Kind = "enabled"   // mmrunner enable or release put a member back
	Released Kind = "released"  // mmrunner release had a held member disabled
)

// What followed for a member.
const (
	Disabled = "disabled" // delivery was disabled
	Probed   = "probed"   // a probe was sent
	Removed  = "removed"  // the membership ended
)

// Event is one line.
type Event struct {
	At   time.Time `json:"at"`
	List string    `json:"list"`
	Kind Kind      `json:"event"`
	// Member is the member's address, or "h:" and 16 hexadecimal digits of its hash,
	// or nothing, as the site's privacy setting wants it. Domain is the address's.
	Member string `json:"member,omitempty"`
	Domain string `json:"domain,omitempty"`
	// Server is the mail server that refused the message or, if that is not known,
	// the one that reports it.
	Server string `json:"server,omitempty"`
	// Status is the status code (RFC 3463), such as 5.1.1.
	Status string `json:"status,omitempty"`
	// Class is hard, soft, policy, full or unknown; for a message that is no bounce,
	// what it is.
	Class string `json:"class,omitempty"`
	// Diagnostic is the beginning of what the server said.
	Diagnostic string `json:"diagnostic,omitempty"`
	// Module is the bounce module that recognized the message, VERP, or beyond and
	// its rule.
	Module string `json:"module,omitempty"`
	// Before and After are the member's bounce scores.
	Before float64 `json:"before,omitempty"`
	After  float64 `json:"after,omitempty"`
	// Then is the consequence: disabled, probed or removed.
	Then string `json:"then,omitempty"`
}

// Recorder makes lines of events. It is for one goroutine.
type Recorder struct {
	privacy settings.Privacy
	key     []byte
	buf     []byte // of the last line
}

// NewRecorder makes a recorder for a site. The key of hashes is made when it is
// first needed; the error is the file system's.
func NewRecorder(dataDir string, privacy settings.Privacy) (*Recorder, error) {
	r := &Recorder{privacy: privacy}
	if privacy != settings.Hash {
		return r, nil
	}
	var err error
	r.key, err = readKey(dataDir, true)
	return r, err
}

// Line is an event as a line, with as much of the member's address as the site's
// privacy setting leaves.
func (r *Recorder) Line(e Event) string {
	if _, domain, ok := cutDomain(e.Member); ok {
		e.Domain = strings.ToLower(domain)
	}
	if r.privacy != settings.Keep {
		e.Diagnostic = WithoutAddresses(e.Diagnostic)
		e.Member = r.mask(e.Member)
	}
	r.buf = e.appendTo(r.buf[:0])
	return string(r.buf)
}

// appendTo is json.Marshal for a line, in a third of its time: a batch has
// thousands.
func (e Event) appendTo(b []byte) []byte {
	b = append(b, `{"at":"`...)
	b = e.At.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","list":`...)
	b = appendText(b, e.List)
	b = append(b, `,"event":`...)
	b = appendText(b, string(e.Kind))
	text := func(name, v string) {
		if v != "" {
			b = appendText(append(b, name...), v)
		}
	}

	number := func(name string, v float64) {
		if v != 0 {
			b = strconv.AppendFloat(append(b, name...), v, 'f', -1, 64)
		}
	}

	text(`,"member":`, e.Member)
	text(`,"domain":`, e.Domain)
	text(`,"server":`, e.Server)
	text(`,"status":`, e.Status)
	text(`,"class":`, e.Class)
	text(`,"diagnostic":`, e.Diagnostic)
	text(`,"module":`, e.Module)
	number(`,"before":`, e.Before)
	number(`,"after":`, e.After)
	text(`,"then":`, e.Then)

	return append(b, '}')
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	escapes := false
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' {
			quoted, _ := json.Marshal(s) // strings cannot fail
			return append(b, quoted...)
		}
		escapes = escapes || c == '"' || c == '\\'
	}

	b = append(b, '"')
	if !escapes {
		return append(append(b, s...), '"')
	}

	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func (r *Recorder) mask(addr string) string {
	if addr == "" || r.privacy == settings.Omit {
		return ""
	}
	return hashOf(r.key, addr)
}

func hashOf(key []byte, addr string) string {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, strings.ToLower(addr))
	return "h:" + hex.EncodeToString(h.Sum(nil)[:8])
}

// readKey reads the key of hashes, and makes one if there is none and it may.
func readKey(dataDir string, create bool) ([]byte, error) {
	name := filepath.Join(dataDir, keyFile)
	for {
		b, err := os.ReadFile(name)
		if err == nil && len(b) >= 32 {
			return b, nil
		}
		if err == nil {
			return nil, fmt.Errorf("%s: got %d bytes, need 32", name, len(b))
		}
		if !create || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}

		// Two processes may both be the first.
		key := make([]byte, 32)
		rand.Read(key)
		tmp, err := os.CreateTemp(dataDir, keyFile+".*")
		if err != nil {
			return nil, err
		}

		_, err = tmp.Write(key)
		err = errors.Join(err, tmp.Close())
		if err == nil {
			err = os.Link(tmp.Name(), name)
		}

		if e := os.Remove(tmp.Name()); err == nil || errors.Is(err, fs.ErrExist) {
			err = e
		}

		if err != nil {
			return nil, err
		}
	}
}

// Names tells how members may stand in the events of a site.
type Names struct{ key []byte }

// NewNames reads what that depends on. Where no address was ever hashed, none is.
func NewNames(dataDir string) Names {
	key, _ := readKey(dataDir, false)
	return Names{key}
}

// Of are the ways in which an address may stand there, as [Event.Key] has them.
func (n Names) Of(addr string) []string {
	names := []string{strings.ToLower(addr)}
	if n.key != nil {
		names = append(names, hashOf(n.key, addr))
	}
	return names
}

// Key is the event's member in a form in which two can be compared.
func (e Event) Key() string { return strings.ToLower(e.Member) }

var addressLike = regexp.MustCompile(`[^\s<>"'()\[\],;:=]+@[^\s<>"'()\[\],;:]+`)

// WithoutAddresses replaces what looks like an address.
func WithoutAddresses(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	return addressLike.ReplaceAllString(s, "ADDRESS")
}

// Plain is a diagnostic without what differs from one message to the next:
// addresses and long numbers.
func Plain(diagnostic string) string {
	words := strings.Fields(WithoutAddresses(diagnostic))
	for i, w := range words {
		digits := 0
		for _, c := range w {
			if '0' <= c && c <= '9' {
				digits++
			}
		}

		if digits > 3 && !(len(w) == 5 && strings.Count(w, ".") == 2) {
			words[i] = "#"
		}
	}

	return strings.Join(words, " ")
}

func cutDomain(addr string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return addr, "", false
	}
	return addr[:i], addr[i+1:], true
}

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
