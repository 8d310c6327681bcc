package mlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
)

func TestLimitedLogIsCutOff(t *testing.T) {
	dir := t.TempDir()
	l := mlog.Limited{Path: filepath.Join(dir, "events"), Size: 30, Keep: 2}
	set := mlog.Open(filepath.Join(dir, "logs"))
	set.Limit("events", l)
	for i := range 8 {
		set.Append("events", fmt.Appendf(nil, "{\"n\":%d}\nsecond\n", i))
	}
	var had []string
	for _, name := range l.Files() {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}

		had = append(had, strings.ReplaceAll(string(b), "\n", " "))
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}

		if info.Mode().Perm() != 0o660 {
			t.Errorf("%s: got mode %v, want 0660", name, info.Mode())
		}
	}

	want := []string{`{"n":2} second {"n":3} second `, `{"n":4} second {"n":5} second `, `{"n":6} second {"n":7} second `}
	if diff := cmp.Diff(want, had); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}

	if got := set.Path("events"); got != l.Path {
		t.Errorf("got the path %s, want %s", got, l.Path)
	}
}
