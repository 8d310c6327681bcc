package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// A file under a name that an attacker guessed is a new one: the target of a link there stays as it is.
func TestCreateFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	other, name := filepath.Join(dir, "other"), filepath.Join(dir, "name")
	if err := os.WriteFile(other, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}

	for what, plant := range map[string]func() error{
		"nothing":         func() error { return nil },
		"a file":          func() error { return os.WriteFile(name, []byte("before"), 0o666) },
		"a symbolic link": func() error { return os.Symlink(other, name) },
		"a broken link":   func() error { return os.Symlink(filepath.Join(dir, "none"), name) },
		"a hard link":     func() error { return os.Link(other, name) },
	} {
		if err := plant(); err != nil {
			t.Fatal(err)
		}

		f, err := Create(name, 0o640)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}

		if _, err := f.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}

		if err := f.Close(); err != nil {
			t.Fatal(err)
		}

		if b, err := os.ReadFile(other); err != nil || string(b) != "other" {
			t.Errorf("%s: the other file had %q, %v", what, b, err)
		}

		if b, err := os.ReadFile(name); err != nil || string(b) != "new" {
			t.Errorf("%s: got %q, %v, need the new text", what, b, err)
		}

		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
