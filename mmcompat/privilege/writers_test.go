package privilege

import (
	"os"
	"path/filepath"
	"testing"
)

// What root alone can change is told from what others can, wherever on the way they come in.
func TestWhetherOnlyRootCanChangeAnInstallation(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}

	const other = 54321
	for what, c := range map[string]struct {
		change func(dir, file string) error
		alone  bool
		path   bool // RootsPath of the directory
	}{
		"as it is":                    {func(dir, file string) error { return nil }, true, true},
		"another's file":              {func(dir, file string) error { return os.Chown(file, other, 0) }, false, true},
		"a group's file":              {func(dir, file string) error { return chown(file, 0, other, 0o664) }, false, true},
		"everybody's file":            {func(dir, file string) error { return os.Chmod(file, 0o666) }, false, true},
		"root's group's file":         {func(dir, file string) error { return chown(file, 0, 0, 0o664) }, true, true},
		"another's directory":         {func(dir, file string) error { return os.Chown(dir, other, 0) }, false, false},
		"a group's directory":         {func(dir, file string) error { return chown(dir, 0, other, 0o775) }, false, false},
		"one that a group only reads": {func(dir, file string) error { return chown(dir, 0, other, 0o755) }, true, true},
		"another's file in a directory of root's": {func(dir, file string) error {
			return closeDir(dir, os.Chown(file, other, 0))
		}, true, true},
		"a directory of root's that a group may enter": {func(dir, file string) error {
			return chown(dir, 0, other, 0o770)
		}, false, false},
		"a link to another's file": {func(dir, file string) error {
			elsewhere := filepath.Join(filepath.Dir(dir), "elsewhere")
			if err := os.Rename(file, elsewhere); err != nil {
				return err
			}
			if err := os.Symlink(elsewhere, file); err != nil {
				return err
			}
			return os.Chown(elsewhere, other, 0)
		}, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			top := t.TempDir()
			for d := top; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}

			dir := filepath.Join(top, "dir")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}

			file := filepath.Join(dir, "file")
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}

			if err := c.change(dir, file); err != nil {
				t.Fatal(err)
			}

			if alone, err := RootsAlone(dir); alone != c.alone || err != nil {
				t.Errorf("RootsAlone: got %v, %v, need %v", alone, err, c.alone)
			}

			if alone, err := RootsPath(dir); alone != c.path || err != nil {
				t.Errorf("RootsPath: got %v, %v, need %v", alone, err, c.path)
			}
		})
	}
}

func chown(path string, uid, gid int, mode os.FileMode) error {
	if err := os.Chown(path, uid, gid); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

func closeDir(dir string, err error) error {
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}
