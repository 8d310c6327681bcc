package mlog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func at() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local) }

func TestLineFormatModeAndReopen(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, Options{PID: 42, Now: at})
	s.Printf("bounce", "%s: 100%% %d", "test", 1)
	path := filepath.Join(dir, "bounce")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	if info.Mode().Perm() != 0o660 {
		t.Errorf("got mode %v, need 0660", info.Mode())
	}

	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}

	s.Printf("bounce", "still the old file")
	s.Reopen()
	s.Printf("bounce", "the new file")

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	old, _ := os.ReadFile(path + ".1")
	want := "Mar 04 05:06:07 2026 (42) test: 100% 1\nMar 04 05:06:07 2026 (42) still the old file\n"
	if string(old) != want {
		t.Errorf("got %q, need %q", old, want)
	}

	if b, _ := os.ReadFile(path); string(b) != "Mar 04 05:06:07 2026 (42) the new file\n" {
		t.Errorf("got %q after the rotation", b)
	}
}

func TestLinesThatCannotBeWrittenGoToStderr(t *testing.T) {
	var stderr bytes.Buffer
	s := New(filepath.Join(t.TempDir(), "missing"), Options{PID: 1, Now: at, Stderr: &stderr})
	s.Printf("error", "lost?")
	if !strings.Contains(stderr.String(), "(1) lost?\n") || !strings.Contains(stderr.String(), "no such file") {
		t.Errorf("got %q", stderr.String())
	}
}

func TestLinesOfABatchAreWrittenTogether(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, Options{PID: 42, Now: at})
	var lines []Line
	want := map[string][]byte{}
	for i := range 5000 {
		l := Line{Log: []string{"bounce", "error"}[i%2], Text: strings.Repeat("x", i%100) + " line", At: at()}
		lines = append(lines, l)
		want[l.Log] = append(want[l.Log], "Mar 04 05:06:07 2026 (42) "+l.Text+"\n"...)
	}

	s.PrintLines(lines)
	for log, want := range want {
		had, err := os.ReadFile(filepath.Join(dir, log))
		if err != nil || !bytes.Equal(had, want) {
			t.Errorf("%s: got %d bytes (%v), need %d", log, len(had), err, len(want))
		}
	}
}
