package maillist

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

func TestUnknownList(t *testing.T) {
	s := madeSite(t)
	var log lines
	for _, name := range []string{"none", "", "../x", "UPPER"} {
		if _, err := Open(s, name, Options{Log: &log}); !errors.Is(err, ErrUnknownList) {
			t.Errorf("%q: got %v, need ErrUnknownList", name, err)
		}
	}

	want := []string{
		"mischief: Hostile listname: listname=../x: remote=unidentified origin",
		"mischief: Hostile listname: listname=UPPER: remote=unidentified origin",
	}

	if !slices.Equal(log, want) {
		t.Errorf("logged %q, wanted %q", log, want)
	}
}

func TestOldDataVersion(t *testing.T) {
	s := madeSite(t)
	for _, c := range []struct {
		version pickle.Value
		python  bool
	}{
		{pickle.Int(s.Profile.DataFileVersion - 1), true},
		{pickle.Int(s.Profile.DataFileVersion), false},
		{pickle.Int(s.Profile.DataFileVersion + 1), false},
	} {
		makeList(t, s, "l", func(d *pickle.Dict) { d.SetStr("data_version", c.version) })
		_, err := Open(s, "l", Options{})
		var needs *ErrNeedsPython
		if errors.As(err, &needs) != c.python || !c.python && err != nil {
			t.Errorf("data_version %v: got %v", c.version, err)
		}
	}

	makeList(t, s, "l", func(d *pickle.Dict) { d.Delete(pickle.Str("data_version")) })
	_, err := Open(s, "l", Options{})
	if !errors.Is(err, &py.Error{Class: "AttributeError"}) {
		t.Errorf("no data_version: got %v, need an AttributeError", err)
	}
}

// A list that another process saved is loaded again; one that none did, or that
// we saved ourselves, is not.
func TestListSavedByAnotherIsLoadedAgain(t *testing.T) {
	s := madeSite(t)
	file := makeList(t, s, "l", nil)
	l, err := Open(s, "l", Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	expect := func(what string, want bool) {
		t.Helper()
		if changed, err := l.Reload(); changed != want || err != nil {
			t.Errorf("%s: got %v, %v, need %v", what, changed, err, want)
		}
	}

	expect("nothing happened", false)
	if err := l.AddNewMember("a@example.net", NewMember{Password: pickle.Str("x")}); err != nil {
		t.Fatal(err)
	}

	expect("a change in memory", false)
	save(t, l)
	expect("our own save", false)

	if last := readFile(t, file+".last"); len(last) == 0 || len(last) == len(readFile(t, file)) {
		t.Errorf("config.pck.last has %d bytes", len(last))
	}

	// The same bytes in a new file, with the same time: still a save.
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}

	b := readFile(t, file)
	writeFile(t, file+".new", b)
	if err := errors.Join(os.Chtimes(file+".new", time.Time{}, st.ModTime()), os.Rename(file+".new", file)); err != nil {
		t.Fatal(err)
	}

	expect("a save of the same", true)
	if !l.IsMember("A@example.net") {
		t.Error("the member is lost")
	}

	writeFile(t, filepath.Join(l.FullPath(), "extend.py"), nil)
	var needs *ErrNeedsPython
	if _, err := l.Reload(); !errors.As(err, &needs) {
		t.Errorf("with an extend.py: got %v", err)
	}

	if err := os.Remove(filepath.Join(l.FullPath(), "extend.py")); err != nil {
		t.Fatal(err)
	}

	if err := errors.Join(os.Remove(file), os.Remove(file+".last")); err != nil {
		t.Fatal(err)
	}

	if _, err := l.Reload(); !errors.Is(err, ErrUnknownList) {
		t.Errorf("a list that is gone: got %v", err)
	}

	makeList(t, s, "l", nil)
	expect("a list that came back", true)
}
