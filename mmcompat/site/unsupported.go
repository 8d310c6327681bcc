package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// ErrUnsupported says that an installation is not a Mailman 2.1 on Python 2, and how that was recognized.
var ErrUnsupported = errors.New("mmrunner works with Mailman 2.1 on Python 2.7 only; nothing was changed")

// versionLine matches the line of Mailman/Version.py with the release.
var versionLine = regexp.MustCompile(`(?m)^VERSION[ \t]*=[ \t]*['"]([^'"\n]*)['"]`)

// checkRelease returns an error that wraps ErrUnsupported if Mailman/Version.py names another release than a 2.1.
func checkRelease(prefix string) error {
	file := filepath.Join(prefix, "Mailman", "Version.py")
	b, err := os.ReadFile(file)
	if err != nil {
		return nil // the probe names the fault
	}

	m := versionLine.FindSubmatch(b)
	if m == nil || bytes.HasPrefix(m[1], []byte("2.1.")) || string(m[1]) == "2.1" {
		return nil
	}
	return fmt.Errorf("%s says that this is Mailman %s: %w", file, m[1], ErrUnsupported)
}

// versionTime is far more than a Python takes to start and end.
const versionTime = 30 * time.Second

// checkPython returns an error that wraps ErrUnsupported if the interpreter says that it is Python 3 or later.
func checkPython(prefix, python string) error {
	ctx, cancel := context.WithTimeout(context.Background(), versionTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-c", "import sys; sys.stdout.write('%d.%d.%d' % sys.version_info[:3])")
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil || bytes.HasPrefix(out, []byte("2.")) {
		return nil
	}
	return fmt.Errorf("%s: its scripts are run by %s, which is Python %s: %w", prefix, python, out, ErrUnsupported)
}

// tracebackFile finds the file in which Python could not go on.
var tracebackFile = regexp.MustCompile(`(?m)^  File "([^"\n]+)", line (\d+)`)

// checkSyntax returns an error that wraps ErrUnsupported if Python 2 ended with a SyntaxError in one of Mailman's
// modules, which is then written for a later Python. A SyntaxError in a site's settings is only a mistake.
func checkSyntax(prefix, traceback string) error {
	last := traceback[strings.LastIndexByte(traceback, '\n')+1:]
	at := tracebackFile.FindAllStringSubmatch(traceback, -1)
	if !strings.HasPrefix(last, "SyntaxError") || len(at) == 0 {
		return nil
	}

	file, line := at[len(at)-1][1], at[len(at)-1][2]
	if !strings.HasPrefix(file, prefix+"/") || filepath.Base(file) == "mm_cfg.py" {
		return nil
	}
	return fmt.Errorf("%s, line %s, cannot be read by Python 2 (%s): %w", file, line, last, ErrUnsupported)
}
