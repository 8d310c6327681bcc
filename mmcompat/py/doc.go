// Package py is Python 2.7's semantics, as far as Mailman's work depends on them: truth, comparison and arithmetic of
// values, methods of str, the % operator, the order of dicts, and exceptions.
//
// Values are pickle.Value. For text, a str may also be a Go string of bytes; a unicode is a pickle.Unicode, in UTF-8
// with lone surrogates in three bytes.
package py

import (
	"fmt"

	"github.com/mmrunner/mmrunner/pickle"
)

// Text is a str (a Go string or pickle.Str) or a unicode (pickle.Unicode). The kind of a result depends on the
// arguments, and mail is encoded differently for each kind.
type Text = any

// Plain returns the bytes of a str or the UTF-8 of a unicode, and whether it is a unicode. For any other value it
// returns Go's text.
func Plain(t Text) (s string, unicode bool) {
	switch t := t.(type) {
	case string:
		return t, false
	case pickle.Str:
		return string(t), false
	case pickle.Unicode:
		return string(t), true
	case nil:
		return "", false
	}

	return fmt.Sprint(t), false
}

// Raw returns the bytes of a str or the UTF-8 of a unicode, as [Plain] does.
func Raw(t Text) string {
	s, _ := Plain(t)
	return s
}
