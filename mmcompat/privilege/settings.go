package privilege

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// maxSettings is how much is read of a settings file. Defaults.py has 82 KB.
const maxSettings = 4 << 20

// settingsFiles are those of a prefix, the one that counts first.
func settingsFiles(prefix string) []string {
	return []string{filepath.Join(prefix, "Mailman", "mm_cfg.py"), filepath.Join(prefix, "Mailman", "Defaults.py")}
}

// literal returns a setting that mm_cfg.py, or else Defaults.py, sets to a plain string. ok is false if none
// does; the error is for a setting that only Python can work out, and for files that cannot be read.
func literal(prefix, name string) (value string, ok bool, err error) {
	for _, file := range settingsFiles(prefix) {
		src, err := readSettings(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", false, err
		}

		value, ok, err := lastLiteral(src, name)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", file, err)
		}
		if ok {
			return value, true, nil
		}
	}

	return "", false, nil
}

// lastLiteral returns what the last assignment to name at the beginning of a line assigns, as the last one is the one that
// Python keeps. The error is for one that assigns something other than a plain string.
func lastLiteral(src []byte, name string) (value string, ok bool, err error) {
	assigned := regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(name)+`[ \t]*=([^=\n].*|)$`).FindAllSubmatch(src, -1)
	if len(assigned) == 0 {
		return "", false, nil
	}

	right := bytes.TrimSpace(assigned[len(assigned)-1][1])
	m := plainString.FindSubmatch(right)
	if m == nil {
		return "", false, fmt.Errorf("got %s = %.100q, need a plain string", name, right)
	}
	return string(m[1]) + string(m[2]), true, nil
}

// plainString is a Python str literal without escapes, and perhaps a comment after it.
var plainString = regexp.MustCompile(`^(?:'([^'\\]*)'|"([^"\\]*)")[ \t]*(?:#.*)?$`)

// readSettings reads a settings file without waiting for a pipe in its place.
func readSettings(file string) ([]byte, error) {
	f, _, err := disk.OpenPlain(file, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	return io.ReadAll(io.LimitReader(f, maxSettings))
}
