package site

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// A Mailman that is no 2.1 on Python 2 is told by what shows it, and nothing is written to it.
func TestUnsupportedMailmanIsRecognised(t *testing.T) {
	mmtest.Python(t)
	python3, err := exec.LookPath("python3")
	if err != nil {
		python3 = ""
	}

	for what, c := range map[string]struct {
		change func(prefix string) error
		python string
		says   string
	}{
		"a Python 3": {func(string) error { return nil }, python3, "is Python 3."},
		"a later release": {func(prefix string) error {
			return os.WriteFile(filepath.Join(prefix, "Mailman/Version.py"), []byte("VERSION = '2.2.0'\n"), 0o644)
		}, "", "says that this is Mailman 2.2.0"},
		"code of Python 3": {func(prefix string) error {
			return os.WriteFile(filepath.Join(prefix, "Mailman/Utils.py"), []byte("async def f(): await g()\n"), 0o644)
		}, "", "Mailman/Utils.py, line 1, cannot be read by Python 2"},
	} {
		t.Run(what, func(t *testing.T) {
			if what == "a Python 3" && c.python == "" {
				t.Skip("no Python 3 here")
			}

			prefix := mmtest.Clone(t)
			if err := c.change(prefix); err != nil {
				t.Fatal(err)
			}

			s, err := Open(prefix, Options{Python: c.python})
			if s != nil || !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, %v, need that %q is not supported", s, err, c.says)
			}

			if left, err := os.ReadDir(filepath.Join(prefix, "data")); len(left) != 0 || err != nil {
				t.Errorf("got %v, %v in the data directory, need nothing", left, err)
			}
		})
	}
}

// A mistake in mm_cfg.py is the site's, and no sign of another Python.
func TestMistakeInSettingsIsNoOtherPython(t *testing.T) {
	if err := checkSyntax("/m", "  File \"/m/Mailman/mm_cfg.py\", line 3\n    x x\nSyntaxError: invalid syntax"); err != nil {
		t.Error(err)
	}
}
