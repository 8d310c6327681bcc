package message

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// codecNames lists the codecs that Python 2.7 comes with: the name a codec gives
// itself, and the names it is found by.
//
//go:embed codecnames.txt
var codecNames string

var codecTable = sync.OnceValue(func() map[string]string {
	t := make(map[string]string)
	for line := range strings.Lines(codecNames) {
		codec, names, _ := strings.Cut(line, ":")
		for _, n := range strings.Fields(names) {
			t[n] = codec
		}
	}
	return t
})

// codecName is codecs.lookup(name).name, false where Python raises LookupError.
// (encodings.normalize_encoding: runs of what is no letter, digit or period
// count as one underscore.)
func codecName(name string) (string, bool) {
	norm := strings.Join(strings.FieldsFunc(py.Lower(name), func(r rune) bool {
		return r != '.' && (r >= 0x80 || !py.IsDigit(byte(r)) && (byte(r) < 'a' || byte(r) > 'z'))
	}), "_")
	c, ok := codecTable()[norm]
	if !ok {
		c, ok = codecTable()[strings.ReplaceAll(norm, ".", "_")]
	}
	return c, ok
}
