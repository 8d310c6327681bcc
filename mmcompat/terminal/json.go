package terminal

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON is a JSON document (RFC 8259) that means the same as doc, with each character of its strings that is not
// plainly visible as \uXXXX. encoding/json does that for some of them only.
func JSON(doc []byte) []byte {
	var b bytes.Buffer
	for len(doc) > 0 {
		r, size := utf8.DecodeRune(doc)
		switch {
		// Outside of strings only white space is not visible, and within them a line feed or tab is escaped already.
		case unicode.IsPrint(r) || r == '\n' || r == '\t' || r == '\r':
			b.Write(doc[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}

		doc = doc[size:]
	}

	return b.Bytes()
}
