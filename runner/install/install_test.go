package install

import (
	"bytes"
	"strings"
	"testing"
)

var sources = map[string]string{
	"usual":           "from Defaults import *\nMTA = None\n",
	"empty":           "",
	"no newline":      "from Defaults import *\nMTA = None",
	"CRLF":            "from Defaults import *\r\nMTA = None\r\n",
	"sets PYTHON too": "from Defaults import *\nPYTHON = '/usr/bin/python2.7'\n\n\n",
	"not ASCII":       "# \xe9\xff\nfrom Defaults import *\n",
}

func TestAddedThenRemovedIsTheFileByteForByte(t *testing.T) {
	for name, src := range sources {
		with, err := Added([]byte(src), "/usr/local/bin/mmrunner", Extras{})
		if err != nil {
			t.Fatal(name, err)
		}

		if !bytes.HasPrefix(with, []byte(src)) || !bytes.Contains(with, []byte("\nPYTHON = '/usr/local/bin/mmrunner'\n")) {
			t.Errorf("%s: got %q", name, with)
		}

		again, err := Added(with, "/usr/local/bin/mmrunner", Extras{})
		if err != nil || !bytes.Equal(again, with) {
			t.Errorf("%s: a second install changed the file (%v):\n%s", name, err, again)
		}

		back, err := Removed(with)
		if err != nil || string(back) != src {
			t.Errorf("%s: got %q after uninstall, need %q (%v)", name, back, src, err)
		}

		twice, err := Removed(back)
		if err != nil || string(twice) != src {
			t.Errorf("%s: a second uninstall changed the file (%v)", name, err)
		}
	}
}

func TestAddedReplacesAnotherBinary(t *testing.T) {
	src := []byte("X = 1")
	old, _ := Added(src, "/old/mmrunner", Extras{})
	with, err := Added(old, "/new/it's", Extras{})
	if err != nil {
		t.Fatal(err)
	}

	if bytes.Contains(with, []byte("/old/")) || !bytes.Contains(with, []byte(`PYTHON = '/new/it\'s'`)) {
		t.Errorf("got %q", with)
	}

	if back, _ := Removed(with); !bytes.Equal(back, src) {
		t.Errorf("got %q after uninstall", back)
	}
}

// What an administrator adds below our lines must survive the uninstall.
func TestRemovedKeepsLaterEdits(t *testing.T) {
	for _, src := range sources {
		with, _ := Added([]byte(src), "/usr/local/bin/mmrunner", Extras{})
		edited := append(with, "DEFAULT_SERVER_LANGUAGE = 'de'\n"...)
		if again, err := Added(edited, "/usr/local/bin/mmrunner", Extras{}); err != nil || !bytes.Equal(again, edited) {
			t.Errorf("a second install moved the lines (%v):\n%s", err, again)
		}

		back, err := Removed(edited)
		if err != nil {
			t.Fatal(err)
		}

		if !bytes.HasPrefix(back, []byte(src)) || !bytes.HasSuffix(back, []byte("\nDEFAULT_SERVER_LANGUAGE = 'de'\n")) && src != "" {
			t.Errorf("from %q: got %q", src, back)
		}
	}
}

func TestDamagedBlockIsAnError(t *testing.T) {
	with, _ := Added([]byte("X = 1\n"), "/usr/local/bin/mmrunner", Extras{})
	torn := bytes.Replace(with, []byte(blockEnd), nil, 1)
	for _, f := range []func() ([]byte, error){
		func() ([]byte, error) { return Removed(torn) },
		func() ([]byte, error) { return Added(torn, "/usr/local/bin/mmrunner", Extras{}) },
	} {
		if got, err := f(); err == nil {
			t.Errorf("got no error and %q", got)
		}
	}
}

func TestChangeIsShownAsADiff(t *testing.T) {
	src := []byte("a\nb\nc\nd\ne")
	with, _ := Added(src, "/m", Extras{})
	got := Diff("mm_cfg.py", src, with)
	want := "--- mm_cfg.py\n+++ mm_cfg.py\n@@ -2,4 +2,7 @@\n b\n c\n d\n-e\n\\ No newline at end of file\n+e\n+" +
		strings.Join([]string{blockBeginNewline, "PYTHON = '/m'", blockEnd}, "\n+") + "\n"
	if got != want {
		t.Errorf("had:\n%s\nwanted:\n%s", got, want)
	}

	if Diff("x", src, src) != "" {
		t.Error("a diff of equal texts is not empty")
	}
}

// mailmanctl starts an LMTP server with the other runners, until the lines are gone.
func TestLMTPIsARunnerOfMailmanctl(t *testing.T) {
	src := []byte("QRUNNERS = [('BounceRunner', 1)]\n")
	address := "127.0.0.1:8024"
	with, err := Added(src, "/m", Extras{LMTP: &address})
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"\nMMRUNNER_LMTP = '127.0.0.1:8024'\n", "\nQRUNNERS = QRUNNERS + [('LMTPRunner', 1)]\n"} {
		if !bytes.Contains(with, []byte(want)) {
			t.Errorf("got %q, need %q in it", with, want)
		}
	}

	if without, err := Removed(with); err != nil || !bytes.Equal(without, src) {
		t.Errorf("got %q, %v, need %q", without, err, src)
	}
}

// Who installs one thing after another keeps the first, and lines of the site's own among ours.
func TestWhatIsNotNamedStays(t *testing.T) {
	yes, no, address, none := true, false, "127.0.0.1:8024", ""
	const python, outgoing = "PYTHON = '/m'\n", "MMRUNNER_OUTGOING = Yes\n"
	const lmtp = "MMRUNNER_LMTP = '127.0.0.1:8024'\nQRUNNERS = QRUNNERS + [('LMTPRunner', 1)]\n"
	text := []byte("X = 1\n")
	for _, step := range []struct {
		name string
		with Extras
		want string
	}{
		{"neither", Extras{}, python},
		{"LMTP", Extras{LMTP: &address}, python + lmtp},
		{"then outgoing", Extras{Outgoing: &yes}, python + outgoing + lmtp},
		{"then nothing", Extras{}, python + outgoing + lmtp},
		{"no LMTP", Extras{LMTP: &none}, python + outgoing},
		{"no outgoing", Extras{Outgoing: &no}, python},
	} {
		var err error
		if text, err = Added(text, "/m", step.with); err != nil {
			t.Fatal(err)
		}
		if want := "X = 1\n" + blockBegin + "\n" + step.want + blockEnd + "\n"; string(text) != want {
			t.Errorf("%s: got %q, need %q", step.name, text, want)
		}
	}

	edited := bytes.Replace(text, []byte(blockEnd), []byte("MMRUNNER_BATCH_SIZE = 9\n"+blockEnd), 1)
	if with, err := Added(edited, "/n", Extras{}); err != nil || !bytes.Contains(with, []byte("PYTHON = '/n'\nMMRUNNER_BATCH_SIZE = 9\n"+blockEnd)) {
		t.Errorf("got %q, %v, need the site's line kept", with, err)
	}
}
