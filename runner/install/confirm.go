package install

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Confirm asks Mailman's Python whether mm_cfg.py has the settings of Added, as mailmanctl will see them. The error
// says what it has instead, or why it cannot be imported.
func Confirm(python, prefix, binary string) error {
	cmd := exec.Command(python, "-B", "-c", `
import sys
sys.path.insert(0, sys.argv[1])
import paths
from Mailman import mm_cfg
sys.stdout.write(mm_cfg.PYTHON)
`, filepath.Join(prefix, "bin"))

	// Python cannot import modules where the current directory is gone.
	cmd.Dir = "/"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	had, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("mm_cfg.py: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	if string(had) != binary {
		return fmt.Errorf("mm_cfg.py: got PYTHON %q after the change, need %q", had, binary)
	}

	return nil
}
