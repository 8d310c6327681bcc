package shadow

import (
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/pickle"
)

func TestMasksKeepKinds(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	m := newMasks(now, true, 8)
	for in, want := range map[string]string{
		"confirm 0123456789abcdef0123456789abcdef01234567":           "confirm <cookie>",
		"not 0123456789abcdef0123456789abcdef0123456789":             "not 0123456789abcdef0123456789abcdef0123456789",
		"Date: Tue, 24 Nov 2026 03:23:58 +0000":                      "Date: <date>",
		"SHUNTING: 1795.25+0123456789abcdef0123456789abcdef01234567": "SHUNTING: <entry>",
		"password: ubsitoke\nnext":                                   "password: <made up>\nnext",
		"the word banana":                                            "the word banana",
	} {
		if had := m.text(in); had != want {
			t.Errorf("%q: got %q, need %q", in, had, want)
		}
	}

	had := m.lines("Nov 24 03:23:58 2026 (123) error opening list: x\nwhy\n" +
		"Nov 24 03:23:58 2026 (123) BounceRunner processing 5 queued bounces\n" +
		"Nov 24 03:23:58 2026 (123) Uncaught runner exception: 'NoneType'\n" +
		"Nov 24 03:23:58 2026 (123) Traceback (most recent call last):\n  File \"x\", line 1\nTypeError: 'NoneType'\n\n" +
		"Nov 24 03:23:59 2026 (123) SHUNTING: 1795.25+0123456789abcdef0123456789abcdef01234567\n")

	if had := strings.Join(had, "|"); had != "error opening list: x|why|Uncaught runner exception: ...|SHUNTING: <entry>" {
		t.Errorf("had log lines %s", had)
	}

	for _, v := range []pickle.Value{1_800_000_001.5, pickle.Int(1_799_999_999), big.NewInt(1_800_000_000)} {
		for _, other := range []pickle.Value{1_800_000_002.5, pickle.Int(1_800_000_000), big.NewInt(1_799_999_000), 5.0, pickle.Int(7)} {
			same := pickle.Equal(m.value(v), m.value(other))
			_, f1 := v.(float64)
			f, f2 := other.(float64)
			_, i1 := v.(pickle.Int)
			i, i2 := other.(pickle.Int)
			_, b1 := v.(*big.Int)
			_, b2 := other.(*big.Int)
			want := f1 && f2 && f > 9 || i1 && i2 && i > 9 || b1 && b2
			if same != want {
				t.Errorf("%v and %v: got equal %v, need %v", v, other, same, want)
			}
		}
	}
}

// A site may have its passwords made up of anything.
func TestRandomPasswordsAreMasked(t *testing.T) {
	for _, test := range []struct {
		friendly bool
		length   int
		in, want string
	}{
		{true, 6, "ubsito", "<made up>"}, {true, 7, "ubsitok", "<made up>"}, {true, 8, "ubsito", "ubsito"}, {true, 8, "Aq+/09zZ", "Aq+/09zZ"},
		{false, 8, "Aq+/09zZ", "<made up>"}, {false, 8, "Your password: Aq+/09zZ\n.", "Your password: <made up>\n."}, {false, 8, "Aq+/09z", "Aq+/09z"},
	} {
		if had := newMasks(time.Unix(0, 0), test.friendly, test.length).text(test.in); had != test.want {
			t.Errorf("%+v: got %q", test, had)
		}
	}
}

// What is linked from a mirror stays as it was when the site's file is replaced.
func TestMirrorFollowsTheSite(t *testing.T) {
	from, to, kept := t.TempDir(), t.TempDir(), t.TempDir()
	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(from, "list", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(path+".w", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}

		if err := os.Rename(path+".w", path); err != nil {
			t.Fatal(err)
		}
	}

	has := func(dir, name, want string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "list", name))
		if want == "" && os.IsNotExist(err) {
			return
		}

		if string(b) != want {
			t.Errorf("%s in %s: got %q, %v, need %q", name, dir, b, err, want)
		}
	}

	m := &mirror{from: from, to: to, seen: map[string]stamp{}}
	put("config.pck", "one")
	put("request.pck", "gone soon")
	put("en/help.txt", "template")
	put("digest.mbox", "mail")

	if err := m.refresh("list", skipInList); err != nil {
		t.Fatal(err)
	}

	if err := linkTree(filepath.Join(kept, "list"), filepath.Join(to, "list")); err != nil {
		t.Fatal(err)
	}

	put("config.pck", "two")
	if err := os.Remove(filepath.Join(from, "list", "request.pck")); err != nil {
		t.Fatal(err)
	}

	if err := m.refresh("list", skipInList); err != nil {
		t.Fatal(err)
	}

	has(to, "config.pck", "two")
	has(to, "request.pck", "")
	has(to, "en/help.txt", "template")
	has(to, "digest.mbox", "")
	has(kept, "config.pck", "one")
	has(kept, "request.pck", "gone soon")
}

func TestLinesAreComparedWithoutTheirOrder(t *testing.T) {
	c := comparer{}
	c.bags("log", []string{"a", "b", "b", "one\ntwo\nthree"}, []string{"b", "a", "c", "one\n2\nthree"})
	if len(c.found) != 2 || c.found[0].Python != "b" || c.found[0].Mmrunner != "c" || c.found[1].Python != "two" || c.found[1].Mmrunner != "2" {
		t.Errorf("got %v, need b against c, and line 2", c.found)
	}
}
