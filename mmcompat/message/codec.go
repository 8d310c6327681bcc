package message

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// decode is unicode(b, charset, errors), as UTF-8.
func decode(b, charset, errs string) (string, error) {
	if py.IsASCII(b) {
		switch charset {
		case "us-ascii", "utf-8", "iso-8859-1":
			return b, nil
		}
	}

	if strings.IndexByte(charset, 0) >= 0 {
		return "", &py.Error{Class: "TypeError", Text: "unicode() argument 2 must be string without null bytes, not str"}
	}
	return codec.Decode(b, charset, errs)
}

// encode is u.encode(charset, errors) for a unicode in UTF-8.
func encode(u, charset, errs string) (string, error) {
	if py.IsASCII(u) {
		switch charset {
		case "us-ascii", "utf-8", "iso-8859-1":
			return u, nil
		}
	}
	return codec.Encode(u, charset, errs)
}

func isLookupError(err error) bool {
	e := py.AsError(err)
	return e != nil && e.Class == "LookupError"
}

// isUnicodeError tells whether err is a UnicodeEncodeError or a UnicodeDecodeError.
func isUnicodeError(err error) bool { return errors.Is(err, py.ErrUnicode) }
