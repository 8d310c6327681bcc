package install

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The block is found by its first and last line, whatever was edited around it since. The first line says whether a
// newline had to be added before it, because mm_cfg.py did not end with one: otherwise removing the block would not
// restore the file byte for byte.
const (
	blockBegin        = "# BEGIN mmrunner: mailmanctl starts the queue runners through this program."
	blockBeginNewline = "# BEGIN mmrunner (after an added newline): mailmanctl starts the queue runners through this program."
	blockEnd          = "# END mmrunner: `mmrunner uninstall` takes these lines out again."
)

// block returns the text that is appended to mm_cfg.py.
func block(src []byte, lines string) []byte {
	var b bytes.Buffer
	begin := blockBegin
	if len(src) > 0 && src[len(src)-1] != '\n' {
		b.WriteByte('\n')
		begin = blockBeginNewline
	}
	fmt.Fprintf(&b, "%s\n%s%s\n", begin, lines, blockEnd)
	return b.Bytes()
}

// pythonString quotes a path as a Python 2 str literal.
func pythonString(s string) string {
	var b strings.Builder
	b.WriteByte('\'')

	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			// A byte outside ASCII in a Python 2 source needs a coding line; an escape does not.
			fmt.Fprintf(&b, "\\x%02x", c)
		default:
			b.WriteByte(c)
		}
	}

	b.WriteByte('\'')
	return b.String()
}

// find returns where the block is in src, with the newline that was added before it. ok is false without a block. err
// says that the block has a first line and no last one, so that mmrunner's lines cannot be told from others.
func find(src []byte) (start, end int, ok bool, err error) {
	for _, begin := range []string{blockBegin, blockBeginNewline} {
		start = lineIndex(src, begin)
		if start < 0 {
			continue
		}

		n := lineIndex(src[start:], blockEnd)
		if n < 0 {
			return 0, 0, false, fmt.Errorf("got the line %q, need the line %q after it; take the lines between out by hand", begin, blockEnd)
		}
		end = start + n + len(blockEnd)
		if end < len(src) && src[end] == '\n' {
			end++
		}

		if begin == blockBeginNewline && start > 0 && end == len(src) {
			start--
		}

		return start, end, true, nil
	}

	return 0, 0, false, nil
}

// lineIndex returns where a whole line of src equals line, or -1.
func lineIndex(src []byte, line string) int {
	for at := 0; at <= len(src); {
		n := bytes.IndexByte(src[at:], '\n')
		if n < 0 {
			n = len(src) - at
		}

		if string(src[at:at+n]) == line {
			return at
		}
		at += n + 1
	}

	return -1
}

// Added returns mm_cfg.py's text with mmrunner at binary put in front of the runners. A text that has this already is
// returned as it is. A text with another binary or other extras gets the new ones in the same place. The error is for a
// damaged block.
func Added(src []byte, binary string, with Extras) ([]byte, error) {
	start, end, ok, err := find(src)
	if err != nil {
		return nil, err
	}
	if !ok {
		return append(bytes.Clone(src), block(src, settings(nil, binary, with))...), nil
	}

	// The newline that belongs to the block stays as it is.
	lines := bytes.TrimSuffix(bytes.TrimPrefix(src[start:end], []byte("\n")), []byte("\n"))
	begin, _, _ := bytes.Cut(lines, []byte("\n"))
	at := start + bytes.Index(src[start:end], begin)
	was := strings.Split(string(lines), "\n")
	anew := fmt.Sprintf("%s\n%s%s", begin, settings(was[1:len(was)-1], binary, with), blockEnd)
	return slices.Concat(src[:at], []byte(anew), src[at+len(lines):]), nil
}

// Removed returns mm_cfg.py's text without what Added put into it. Every other byte stays. The error is for a damaged
// block.
func Removed(src []byte) ([]byte, error) {
	start, end, ok, err := find(src)
	if err != nil || !ok {
		return bytes.Clone(src), err
	}
	return append(bytes.Clone(src[:start]), src[end:]...), nil
}
