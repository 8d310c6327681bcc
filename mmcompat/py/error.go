package py

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/pickle"
)

// Error is an exception that Mailman or Python's library would have raised.
//
// A class that callers ask for is an Error without a text. With makes an exception of it, and errors.Is finds the
// class, or a base class of it:
//
//	var ErrNotAMember = &py.Error{Class: "NotAMemberError"}
//	return ErrNotAMember.With(addr)
//	errors.Is(err, ErrNotAMember)
type Error struct {
	Class string // the name, without a module: "KeyError"
	Text  string // str(e)
	Base  *Error // the base class; nil where no caller asks for one

	args string // the arguments in repr(e); "" where Text is the only one
}

// Errorf makes an exception of a class and its text.
func Errorf(class, format string, a ...any) *Error {
	return &Error{Class: class, Text: fmt.Sprintf(format, a...)}
}

// With returns an exception of the class e.
func (e *Error) With(text string) *Error { return &Error{Class: e.Class, Text: text, Base: e.Base} }

// Error is the last line of a traceback.
func (e *Error) Error() string {
	if e.Text == "" {
		return e.Class
	}
	return e.Class + ": " + e.Text
}

// Is makes errors.Is find the class of an exception and its base classes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok || t.Text != "" {
		return false
	}

	for ; e != nil; e = e.Base {
		if e.Class == t.Class {
			return true
		}
	}

	return false
}

// Repr is repr(e).
func (e *Error) Repr() string {
	switch {
	case e.args != "":
		return e.Class + "(" + e.args + ")"
	case e.Text == "":
		return e.Class + "()"
	}
	return e.Class + "(" + Repr(e.Text) + ",)"
}

// AsError finds the exception in an error, or returns nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KeyError returns the KeyError for a key of a dict.
func KeyError(key string) *Error { return &Error{Class: "KeyError", Text: Repr(key)} }

// ErrUnicode is the base class of codecs' errors.
var ErrUnicode = &Error{Class: "UnicodeError"}

// DecodeASCII returns the error of making a unicode of a str without naming a codec, or nil if the str is ASCII.
func DecodeASCII(s string) error {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return DecodeError("ascii", s, i, i+1, "ordinal not in range(128)")
		}
	}
	return nil
}

// EncodeASCII returns the error of making a str of a unicode without naming a codec, or nil if the unicode is ASCII.
func EncodeASCII(u string) error {
	pos := 0
	for i := 0; i < len(u); pos++ {
		r, n := decodeRune(u[i:])
		if r >= utf8.RuneSelf {
			run := string(r)
			for i += n; i < len(u); i += n {
				if r, n = decodeRune(u[i:]); r < utf8.RuneSelf {
					break
				}
				run += string(r)
			}
			return EncodeError("ascii", u, pos, pos+utf8.RuneCountInString(run), "ordinal not in range(128)")
		}

		i += n
	}

	return nil
}

// DecodeError returns a codec's UnicodeDecodeError about the bytes from start to end of s.
func DecodeError(codec, s string, start, end int, reason string) *Error {
	text := fmt.Sprintf("'%s' codec can't decode bytes in position %d-%d: %s", codec, start, end-1, reason)
	if end == start+1 {
		text = fmt.Sprintf("'%s' codec can't decode byte 0x%02x in position %d: %s", codec, s[start], start, reason)
	}
	args := fmt.Sprintf("'%s', %s, %d, %d, %s", codec, Repr(s), start, end, Repr(reason))
	return &Error{Class: "UnicodeDecodeError", Text: text, Base: ErrUnicode, args: args}
}

// EncodeError returns a codec's UnicodeEncodeError about the characters from start to end of u.
func EncodeError(codec, u string, start, end int, reason string) *Error {
	text := fmt.Sprintf("'%s' codec can't encode characters in position %d-%d: %s", codec, start, end-1, reason)
	if end == start+1 {
		text = fmt.Sprintf("'%s' codec can't encode character u'%s' in position %d: %s", codec, escaped(u, start), start, reason)
	}
	args := fmt.Sprintf("'%s', %s, %d, %d, %s", codec, pickle.Repr(pickle.Unicode(u), 10*len(u)+16), start, end, Repr(reason))
	return &Error{Class: "UnicodeEncodeError", Text: text, Base: ErrUnicode, args: args}
}

// escaped is character number n of u in the notation of an error.
func escaped(u string, n int) string {
	for i := 0; i < len(u); {
		r, size := decodeRune(u[i:])
		if n--; n < 0 {
			switch {
			case r <= 0xff:
				return fmt.Sprintf(`\x%02x`, r)
			case r <= 0xffff:
				return fmt.Sprintf(`\u%04x`, r)
			}
			return fmt.Sprintf(`\U%08x`, r)
		}

		i += size
	}

	return ""
}

// decodeRune returns the first character of a unicode, which may be a lone surrogate.
func decodeRune(u string) (r rune, size int) {
	if len(u) >= 3 && u[0] == 0xed && u[1] >= 0xa0 && u[1] < 0xc0 && u[2]&0xc0 == 0x80 {
		return rune(u[0]&0x0f)<<12 | rune(u[1]&0x3f)<<6 | rune(u[2]&0x3f), 3
	}
	return utf8.DecodeRuneInString(u)
}
