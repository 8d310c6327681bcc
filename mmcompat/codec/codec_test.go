package codec

import (
	"encoding/base64"
	"encoding/json"
	"math/rand"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Decode and Encode against Python's codecs, for every byte alone and for
// strings made by chance, with each way to treat errors.
func TestCodecsAgainstPython(t *testing.T) {
	type try struct {
		Bytes   []byte
		Charset string
		Errors  string
	}

	charsets := []string{"us-ascii", "latin-1", "utf-8", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-8", "iso-8859-15",
		"koi8-r", "windows-1251", "windows-1252", "windows-1255", "cp1257", "cp437", "cp866"}
	rng := rand.New(rand.NewSource(1))
	var tries []try
	for _, charset := range charsets {
		for _, errors := range []string{Strict, Replace, Ignore, XMLCharRefReplace} {
			if errors != XMLCharRefReplace {
				for b := range 256 {
					tries = append(tries, try{[]byte{byte(b)}, charset, errors})
				}
			}

			for range 300 {
				b := make([]byte, rng.Intn(6))
				for i := range b {
					// Mostly what UTF-8 is made of, at its limits.
					const edges = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff"
					b[i] = edges[rng.Intn(len(edges))]
				}

				tries = append(tries, try{b, charset, errors})
			}
		}
	}

	in, err := json.Marshal(tries)
	if err != nil {
		t.Fatal(err)
	}

	out := mmtest.PlainPython(t, in, `
import sys, json
made = []
for t in json.load(sys.stdin):
    b, charset, errors = t['Bytes'].decode('base64'), str(t['Charset']), str(t['Errors'])
    try:
        d = b.decode(charset, errors != 'xmlcharrefreplace' and errors or 'replace')
        d = d.encode('utf-8').encode('base64')
    except UnicodeError, e:
        d = 'E' + str(e)
    try:
        e = b.decode('utf-8', 'replace').encode(charset, errors).encode('base64')
    except UnicodeError, x:
        e = 'E' + str(x)
    made.append((d, e))
json.dump(made, sys.stdout)
`)

	var want [][2]string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}

	failed := 0
	for i, tr := range tries {
		how := tr.Errors
		if how == XMLCharRefReplace {
			how = Replace
		}

		var had [2]string
		had[0] = shown(Decode(string(tr.Bytes), tr.Charset, how))
		u, err := Decode(string(tr.Bytes), "utf-8", Replace)
		if err != nil {
			t.Fatal(err)
		}

		had[1] = shown(Encode(u, tr.Charset, tr.Errors))
		if had != want[i] {
			t.Errorf("%q in %s, %s:\nhad    %q\nwanted %q", tr.Bytes, tr.Charset, tr.Errors, had, want[i])
			if failed++; failed > 20 {
				t.Fatal("and more")
			}
		}
	}
}

func shown(s string, err error) string {
	if err != nil {
		return "E" + py.AsError(err).Text
	}
	if s == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s)) + "\n"
}
