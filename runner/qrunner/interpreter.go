package qrunner

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Invocation tells whether argv (a whole os.Args) is that of mailmanctl's
// start_runner, in which the interpreter's place is ours: [PYTHON,
// BIN_DIR/qrunner, options...]. script is BIN_DIR/qrunner.
func Invocation(argv []string) (script string, args []string, ok bool) {
	if len(argv) < 2 || filepath.Base(argv[1]) != "qrunner" || !strings.ContainsRune(argv[1], filepath.Separator) {
		return "", nil, false
	}
	return argv[1], argv[2:], true
}

// interpreter reads the interpreter and its argument, if any, from a script's
// first line, as the kernel would. An error says what the line was.
func interpreter(script string) ([]string, error) {
	f, err := os.Open(script)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 4096).ReadString('\n')
	rest, ok := strings.CutPrefix(line, "#!")
	path, arg, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || path == "" {
		return nil, fmt.Errorf("%s: got first line %q, need #! and an interpreter", script, strings.TrimSpace(line))
	}

	argv := []string{path}
	if arg = strings.TrimSpace(arg); arg != "" {
		argv = append(argv, arg)
	}

	return argv, nil
}

// Command is the real interpreter's command line for script and its arguments.
// It returns an error if the interpreter cannot be found, or is this very
// program, which would start itself for ever.
func Command(script string, args []string) (path string, argv []string, err error) {
	interp, err := interpreter(script)
	if err != nil {
		return "", nil, err
	}

	path, err = exec.LookPath(interp[0])
	if err != nil {
		return "", nil, fmt.Errorf("%s: its interpreter: %w", script, err)
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	if sameFile(path, self) {
		return "", nil, fmt.Errorf("%s: its interpreter is mmrunner; put the Python interpreter back in its first line", script)
	}

	return path, append(append(interp, script), args...), nil
}

// Exec becomes the real interpreter running script: no process of ours is left
// in between, so that mailmanctl's signals reach the runner. It returns only
// with an error.
func Exec(script string, args []string) error {
	path, argv, err := Command(script, args)
	if err != nil {
		return err
	}
	if err := syscall.Exec(path, argv, os.Environ()); err != nil {
		return fmt.Errorf("exec %s: %w", path, err)
	}
	return nil
}

func sameFile(a, b string) bool {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}
