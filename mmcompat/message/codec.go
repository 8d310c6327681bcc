package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/text"
)

// decode is unicode(b, charset, errors), as UTF-8.
func decode(b, charset, errs string) (string, error) {
	if isASCII(b) {
		switch charset {
		case "us-ascii", "utf-8", "iso-8859-1":
			return b, nil
		}
	}
	if strings.IndexByte(charset, 0) >= 0 {
		return "", &PyError{"TypeError", "unicode() argument 2 must be string without null bytes, not str"}
	}
	u, err := text.Decode(b, charset, errs)
	if err != nil {
		return "", codecError(err, "UnicodeDecodeError")
	}
	return u, nil
}

// encode is u.encode(charset, errors) of a unicode given as UTF-8.
func encode(u, charset, errs string) (string, error) {
	if isASCII(u) {
		switch charset {
		case "us-ascii", "utf-8", "iso-8859-1":
			return u, nil
		}
	}
	b, err := text.Encode(u, charset, errs)
	if err != nil {
		return "", codecError(err, "UnicodeEncodeError")
	}
	return b, nil
}

func codecError(err error, kind string) error {
	var ce *text.CodecError
	if errors.As(err, &ce) && ce.Unknown {
		kind = "LookupError"
	}
	return &PyError{kind, err.Error()}
}

func isLookupError(err error) bool {
	e, ok := err.(*PyError)
	return ok && e.Kind == "LookupError"
}

// isUnicodeError tells whether err is a UnicodeError of either kind.
func isUnicodeError(err error) bool {
	e, ok := err.(*PyError)
	return ok && strings.HasPrefix(e.Kind, "Unicode")
}

// asciiError is what Python raises where bytes are wanted and a unicode beyond
// ASCII is had.
func asciiError(u string) error {
	pos := 0
	for _, r := range u {
		if r >= utf8.RuneSelf {
			return &PyError{"UnicodeEncodeError", fmt.Sprintf("'ascii' codec can't encode character u'\\u%04x' in position %d: ordinal not in range(128)", r, pos)}
		}
		pos++
	}
	return nil
}
