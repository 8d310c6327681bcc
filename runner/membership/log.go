package membership

import (
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Log writes a line as Mailman's syslog does: format has %s only, and the
// arguments are str (string, pickle.Str) or unicode. Log files are Latin-1,
// with a question mark for every other character.
func (m *Manager) Log(file, format string, args ...i18n.Text) {
	line, err := py.Format(format, args...)
	if e := py.AsError(err); e != nil {
		line = fmt.Sprintf("Bad format \"%s\": %s: %s", format, e.Repr(), e.Text)
	}
	m.b.Log(file, "%s", Latin1(line))
}

// Latin1 converts a message as Mailman does for a log file.
func Latin1(line i18n.Text) string {
	u, ok := line.(pickle.Unicode)
	if !ok {
		return plainText(line)
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

// plainText returns the bytes of a str or the UTF-8 of a unicode, "" for None.
func plainText(t i18n.Text) string {
	s, _ := py.Plain(t)
	return s
}

// formatAddr is email.utils.formataddr of a name that is str or unicode.
func formatAddr(name i18n.Text, addr string) (i18n.Text, error) {
	s := message.FormatAddr(message.Address{Name: plainText(name), Addr: addr})
	if u, ok := name.(pickle.Unicode); ok && u != "" {
		if err := py.DecodeASCII(addr); err != nil {
			return nil, err
		}
		return pickle.Unicode(s), nil
	}
	return s, nil
}
