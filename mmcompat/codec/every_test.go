package codec

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// pyCodecs decodes and encodes what it is given, as pairs of a charset and
// bytes or code points; null is an error.
const pyCodecs = `
import sys, json, encodings.aliases
for n in '68':
    for d in 'ei':
        encodings.aliases.aliases['iso_8859_%s_%s' % (n, d)] = 'iso8859_' + n
def dec(charset, b):
    try:
        return [ord(c) for c in unicode(b, charset, 'replace')]
    except LookupError:
        return 'unknown'
    except Exception:
        return None
def enc(charset, points):
    return u''.join(map(unichr, points)).encode(charset, 'replace').encode('hex')
q = json.load(sys.stdin)
json.dump({'dec': [dec(c.encode('latin-1'), b.encode('latin-1')) for c, b in q['dec'] or []],
           'enc': [enc(c, p) for c, p in q['enc'] or []]}, sys.stdout)
`

type askCodecs struct {
	Dec [][2]string `json:"dec"` // bytes as Latin-1
	Enc [][2]any    `json:"enc"`
}

func (q *askCodecs) decode(charset, b string) {
	// Latin-1 has every byte.
	b, _ = Decode(b, "latin-1", Strict)
	charset, _ = Decode(charset, "latin-1", Strict)
	q.Dec = append(q.Dec, [2]string{charset, b})
}

func points(u string) []int {
	all := []int{}
	for i := 0; i < len(u); {
		r, n := character(u[i:])
		all = append(all, int(r))
		i += n
	}
	return all
}

// TestEveryCodecAgainstPython holds each codec that is here, and what Beyond leaves
// to Python, against Python's own.
func TestEveryCodecAgainstPython(t *testing.T) {
	var q askCodecs
	var modules []string
	for charset := range codecModules {
		q.decode(charset, "abc")
		if knownCharset(charset) {
			modules = append(modules, codecModules[charset])
		}
	}

	for _, charset := range []string{"UTF-8", "'utf-8'", "utf 8", "utf--8 ", "utf.8", "iso_8859-1:1987", "iso_646.irv_1991", "nosuch", "", "x", "koi8-r\"", "windows-1252", "windows-874", "aliases", "\xe9", "utf-8;x"} {
		q.decode(charset, "abc")
		q.decode(charset, "")
	}

	slices.Sort(modules)
	modules = slices.Compact(modules)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, module := range modules {
		for i := range 256 {
			q.decode(module, string([]byte{byte(i)}))
		}
		for a := 0x80; a < 0x100; a++ {
			for b := 0x30; b < 0x100; b += 1 + rng.IntN(40) {
				q.decode(module, string([]byte{'x', byte(a), byte(b)}))
			}
		}

		for range 300 {
			b := make([]byte, rng.IntN(9))
			for i := range b {
				const some = "\x00a\x1b$B(J\x24\x22\xed\xa0\x80\xe2\x82\xf0\x9f\x98\xff\xfe\xc3\xa9\xb0\xa1\xd8\x00"
				b[i] = some[rng.IntN(len(some))]
			}
			q.decode(module, string(b))
		}

		// What a catalog or a list's texts may have, and what none has.
		for i := 0x80; i < 0x10000; i += 1 + rng.IntN(200) {
			q.Enc = append(q.Enc, [2]any{module, []int{'x', i, 'y'}})
		}
		q.Enc = append(q.Enc, [2]any{module, []int{0x1f600, 0xd800, 0x3042, 0xac02}})
	}

	in, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}

	var got struct {
		Dec []json.RawMessage
		Enc []string
	}

	if err := json.Unmarshal(mmtest.PlainPython(t, in, pyCodecs), &got); err != nil {
		t.Fatal(err)
	}

	beyond := 0
	for i, ask := range q.Dec {
		charset, _ := Encode(ask[0], "latin-1", Strict)
		b, _ := Encode(ask[1], "latin-1", Strict)
		if Beyond(b, charset) {
			beyond++
			continue
		}

		var have any = "unknown"
		if u, err := Decode(b, charset, Replace); err == nil {
			have = points(u)
		}

		h, err := json.Marshal(have)
		if err != nil {
			t.Fatal(err)
		}

		if want := strings.ReplaceAll(string(got.Dec[i]), " ", ""); string(h) != want {
			t.Errorf("unicode(%q, %q, 'replace'): got %s, need %s", b, charset, h, want)
		}
	}

	if len(q.Dec) < 2*beyond {
		t.Errorf("%d of %d are left to Python", beyond, len(q.Dec))
	}

	for i, ask := range q.Enc {
		charset, u := ask[0].(string), ""
		for _, p := range ask[1].([]int) {
			u += wtf8(rune(p))
		}

		// Python's have rows there that Go's lack, and halves of characters;
		// nothing of Mailman's is written in these.
		if slices.Contains([]string{"big5", "cp950", "gb18030", "cp932", "utf_16", "utf_16_le", "utf_16_be"}, charset) {
			continue
		}
		b, err := Encode(u, charset, Replace)
		if err != nil {
			t.Fatal(err)
		}

		h := ""
		for _, c := range []byte(b) {
			h += string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
		}
		switch {
		case charset == "euc_jp" && strings.Contains(got.Enc[i], "8f"): // JIS X 0212
			continue
		case charset == "iso2022_jp" && strings.Contains(got.Enc[i], "1b284a"): // JIS X 0201
			continue
		}

		if h != got.Enc[i] {
			t.Errorf("%q.encode(%q, 'replace'): got %s, need %s", u, charset, h, got.Enc[i])
		}
	}
}

// wtf8 is UTF-8 that has surrogates.
func wtf8(r rune) string {
	if r >= 0xd800 && r < 0xe000 {
		return string([]byte{0xed, 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f})
	}
	return string(r)
}
