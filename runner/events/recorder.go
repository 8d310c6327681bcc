package events

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/runner/settings"
)

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
// privacy setting leaves. It is good until the next call.
func (r *Recorder) Line(e Event) []byte {
	if _, domain, ok := cutDomain(e.Member); ok {
		e.Domain = strings.ToLower(domain)
	}
	if r.privacy != settings.Keep {
		e.Diagnostic = withoutAddresses(e.Diagnostic)
		e.Member = r.mask(e.Member)
	}
	r.buf = e.appendTo(r.buf[:0])
	return r.buf
}

// appendTo appends the event as JSON, in a third of json.Marshal's time: a batch has
// thousands of events.
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

var addressLike = regexp.MustCompile(`[^\s<>"'()\[\],;:=]+@[^\s<>"'()\[\],;:]+`)

// withoutAddresses replaces what looks like an address.
func withoutAddresses(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	return addressLike.ReplaceAllString(s, "ADDRESS")
}

// Plain is a diagnostic without what differs from one message to the next:
// addresses and long numbers.
func Plain(diagnostic string) string {
	words := strings.Fields(withoutAddresses(diagnostic))
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
