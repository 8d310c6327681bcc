package mmtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// preamble makes the Mailman modules of the prefix in sys.argv[1] importable, and takes it out
// of sys.argv.
const preamble = `import sys, os
PREFIX = sys.argv.pop(1)
sys.path.insert(0, os.path.join(PREFIX, 'bin'))
import paths
`

// RunPython runs a Python 2 script in the Mailman at prefix and returns what
// it prints. The script finds the prefix in PREFIX, its arguments in
// sys.argv[1:], sys and os imported, and Mailman's modules importable. The test
// fails at once when the script exits with an error; its stderr is shown.
func RunPython(t testing.TB, prefix, script string, args ...string) []byte {
	t.Helper()
	return RunPythonInput(t, prefix, nil, script, args...)
}

// RunPythonInput is RunPython with something for the script's stdin.
func RunPythonInput(t testing.TB, prefix string, input []byte, script string, args ...string) []byte {
	t.Helper()
	cmd := PythonCmd(t, prefix, script, args...)
	cmd.Stdin = bytes.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs

	if err := cmd.Run(); err != nil {
		t.Fatalf("python at %s: %v\n%s%s", prefix, err, errs.Bytes(), out.Bytes())
	}

	return out.Bytes()
}

// PythonCmd is the command that RunPython runs, for tests that need it to go
// on in the background or to be killed.
func PythonCmd(t testing.TB, prefix, script string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(Python(t), append([]string{"-c", preamble + script, prefix}, args...)...)
	cmd.Env = pythonEnv(prefix)
	cmd.Dir = filepath.Join(prefix, "bin")
	return cmd
}

// PlainPython runs a Python 2 script with no Mailman about it (sys.argv[1:] are
// its arguments) and returns what it prints, as RunPythonInput does.
func PlainPython(t testing.TB, input []byte, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(Python(t), append([]string{"-c", script}, args...)...)
	cmd.Env = pythonEnv("")
	cmd.Stdin = bytes.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs

	if err := cmd.Run(); err != nil {
		t.Fatalf("python: %v\n%s%s", err, errs.Bytes(), out.Bytes())
	}

	return out.Bytes()
}

// pythonEnv keeps Python from leaving .pyc files in an installation that is
// not ours to change.
func pythonEnv(prefix string) []string {
	env := append(os.Environ(), "PYTHONHASHSEED=0")
	if _, ours := clones.Load(prefix); !ours {
		env = append(env, "PYTHONDONTWRITEBYTECODE=1")
	}
	return env
}
