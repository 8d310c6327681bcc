package message

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// FuzzParse: whatever text there is, it becomes a message that can be asked for
// everything and pickled and read again without a change, or a *py.Error.
func FuzzParse(f *testing.F) {
	samples, err := filepath.Glob("../../testdata/bounces/*.eml")
	if err != nil || len(samples) == 0 {
		f.Fatalf("got no samples (%v)", err)
	}

	for _, file := range samples {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}

	for _, s := range []string{
		"", "\n", "From x\n", "a:\n b\n\n", ":\n", " x\n", "Content-Type: multipart/mixed; boundary=\n\n--\n", "Content-Type: multipart/mixed; boundary=\"a\"\n\n--a\n\n--a--x\r\n--a--\r\n\r\n",
		"Content-Type: message/delivery-status\n\n\n\na: b\n\n\n", "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n", "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n`\nend\n",
		"Content-Type: text/plain; charset*=us-ascii'en'%41; name*0=a; name*1*=%20\n\nx", "From: a (b (c) \\) <@x,@y:d@e>, f: g@h, i;\nTo: \"x\\\"y\"@z, =?utf-8?q?=C3=A4?= <a@b>\n\n",
	} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, text string) {
		known := func(what string, err error) bool {
			var exception *py.Error
			if err != nil && !errors.As(err, &exception) {
				t.Errorf("%s: got %v, want one of Python's exceptions", what, err)
			}
			return err == nil
		}

		m, err := Parse(text)
		if !known("Parse", err) {
			return
		}
		size := 0
		for part := range m.Walk() {
			if s, ok := part.Payload.(string); ok {
				size += len(s)
			}

			_, _, err := part.GetPayloadDecoded()
			known("GetPayloadDecoded", err)
			part.GetContentCharset()
			part.GetFilename()
			_, err = part.GetBoundary()
			known("GetBoundary", err)

			for h := range part.Headers() {
				part.GetParams(h.Name, true)
				field := h.Value.(string)
				first, err := ParseAddr(field)
				all, allErr := GetAddresses([]string{field})
				if known("ParseAddr", err) != known("GetAddresses", allErr) {
					t.Errorf("ParseAddr(%q) ends in %v, GetAddresses in %v", field, err, allErr)
				}

				if len(all) > 0 && first != all[0] {
					t.Errorf("ParseAddr(%q) is %v, the first of GetAddresses is %v", field, first, all[0])
				}

				_, err = DecodeHeader(field)
				known("DecodeHeader", err)
			}
		}

		if size > len(text) {
			t.Errorf("got %d bytes of payloads from a text of %d", size, len(text))
		}

		_, err = m.AsString(true, false)
		known("AsString", err)
		_, err = m.GetSender(true, false)
		known("GetSender", err)

		b, err := pickle.Dump(m.ToPickle(), 1)
		if err != nil {
			t.Fatal(err)
		}

		v, _, err := pickle.Load(b)
		if err != nil {
			t.Fatalf("a pickled message cannot be read: %v", err)
		}

		again, err := FromPickle(v.(*pickle.Instance))
		if err != nil {
			t.Fatalf("a pickled message is no message: %v", err)
		}

		if diff := cmp.Diff(m, again, cmp.Transformer("shown", shownMessage), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("parsed -, pickled and read +:\n%s", diff)
		}
	})
}

// shown is a message with all that it holds in plain sight.
type shown struct {
	Headers    []Header
	Payload    any
	Attributes map[string]any
	Defects    []Defect
}

func shownMessage(m *Message) shown {
	a := m.attrs()
	return shown{slices.Collect(m.Headers()), m.Payload, map[string]any{
		"class": a.class, "unixfrom": a.unixfrom, "charset": a.charset, "preamble": a.preamble,
		"epilogue": a.epilogue, "default type": a.defaultType, "extra": len(a.extra),
	}, m.Defects()}
}
