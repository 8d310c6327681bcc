package membership

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/text"
	"github.com/mmrunner/mmrunner/pickle"
)

// Log writes a line as Mailman's syslog does: format has %s only, and the
// arguments are str (string, pickle.Str) or unicode. Log files are Latin-1,
// with a question mark for what is not in it.
func (m *Manager) Log(file, format string, args ...text.Text) {
	line, err := percent(format, args...)
	if err != nil {
		line = fmt.Sprintf("Bad format \"%s\": %s: %s", format, err.repr(), err.str())
	}
	m.b.Log(file, "%s", Latin1(line))
}

// Latin1 is what a log file keeps of a message.
func Latin1(line text.Text) string {
	u, ok := line.(pickle.Unicode)
	if !ok {
		return plain(line)
	}
	var b strings.Builder
	for _, r := range string(u) {
		if r > 0xff {
			r = '?'
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}

// plain returns the bytes of a str or the UTF-8 of a unicode.
func plain(t text.Text) string {
	switch t := t.(type) {
	case string:
		return t
	case pickle.Str:
		return string(t)
	case pickle.Unicode:
		return string(t)
	}
	return ""
}

// asciiError is the UnicodeDecodeError of a str that Python could not make a
// unicode of to join it with one.
type asciiError struct {
	s  string
	at int
}

func (e *asciiError) str() string {
	return fmt.Sprintf("'ascii' codec can't decode byte 0x%02x in position %d: ordinal not in range(128)", e.s[e.at], e.at)
}

func (e *asciiError) repr() string {
	return fmt.Sprintf("UnicodeDecodeError('ascii', %s, %d, %d, 'ordinal not in range(128)')",
		pickle.Repr(pickle.Str(e.s), len(e.s)*4+2), e.at, e.at+1)
}

// raised is the exception for the runner, where nobody catches it.
func (e *asciiError) raised() error {
	return &message.PyError{Kind: "UnicodeDecodeError", Text: e.str()}
}

// ascii finds the first byte of s that is not ASCII.
func ascii(s string) *asciiError {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return &asciiError{s, i}
		}
	}
	return nil
}

// percent is Python's format % args for a format with no conversion but %s. The
// result is a unicode as soon as an argument is one; then all that is str must
// be ASCII.
func percent(format string, args ...text.Text) (text.Text, *asciiError) {
	parts := strings.Split(format, "%s")
	unicode := false
	for _, a := range args {
		_, is := a.(pickle.Unicode)
		unicode = unicode || is
	}
	var b strings.Builder
	for i, part := range parts {
		b.WriteString(part)
		if i == len(parts)-1 {
			break
		}
		_, is := args[i].(pickle.Unicode)
		s := plain(args[i])
		if unicode && !is {
			if err := ascii(s); err != nil {
				return nil, err
			}
		}
		b.WriteString(s)
	}
	if unicode {
		return pickle.Unicode(b.String()), nil
	}
	return b.String(), nil
}

// concat is a + b of two Python strings.
func concat(a, b text.Text) (text.Text, error) {
	t, err := percent("%s%s", a, b)
	if err != nil {
		return nil, err.raised()
	}
	return t, nil
}

// formatAddr is email.utils.formataddr of a name that is str or unicode.
func formatAddr(name text.Text, addr string) (text.Text, error) {
	s := message.FormatAddr(message.Address{Name: plain(name), Addr: addr})
	if u, ok := name.(pickle.Unicode); ok && u != "" {
		if err := ascii(addr); err != nil {
			return nil, err.raised()
		}
		return pickle.Unicode(s), nil
	}
	return s, nil
}
