// Package mmtest gives tests a real Mailman: it finds
// one and its Python 2.7, copies it so that nothing of the original can
// change, and has it make lists, members and queue entries.
//
// Every function skips the test, with a line that names the missing program, where
// there is no such Mailman or Python. The package imports nothing else of this
// module, so that every package's tests may use it.
package mmtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// usual are the places a Mailman is looked for when $MAILMAN_PREFIX is not
// set: the source installation's, the distributions' and cPanel's.
var usual = []string{
	"/usr/local/mailman",
	"/usr/lib/mailman",
	"/usr/local/cpanel/3rdparty/mailman",
}

func installed(prefix string) bool {
	_, err := os.Stat(filepath.Join(prefix, "bin", "qrunner"))
	return err == nil
}

// prefixes lists the installations on this machine, the preferred one first.
func prefixes() []string {
	var all []string
	add := func(p string) {
		p = strings.TrimRight(p, "/")
		for _, have := range all {
			if have == p {
				return
			}
		}

		if p != "" && installed(p) {
			all = append(all, p)
		}
	}

	if p := os.Getenv("MAILMAN_PREFIX"); p != "" {
		add(p)
	}

	for _, p := range usual {
		add(p)
	}
	return all
}

// Prefix returns the installed Mailman's directory: $MAILMAN_PREFIX, else the
// first of the usual places that has a bin/qrunner. It is only to be read; use
// Clone for one that may change. It skips the test where there is none.
func Prefix(t testing.TB) string {
	t.Helper()
	all := prefixes()
	if len(all) == 0 {
		t.Skip("no Mailman here: set MAILMAN_PREFIX to the directory that has its bin/qrunner")
	}
	return all[0]
}

// Releases returns every installed Mailman: Prefix's, the other usual places',
// and those named in $MMRUNNER_TEST_PREFIXES (separated by colons). It skips
// the test where there is none.
func Releases(t testing.TB) []string {
	t.Helper()
	all := prefixes()
	for _, p := range filepath.SplitList(os.Getenv("MMRUNNER_TEST_PREFIXES")) {
		if p = strings.TrimRight(p, "/"); p == "" {
			continue
		}

		if !installed(p) {
			t.Fatalf("MMRUNNER_TEST_PREFIXES names %s, which has no bin/qrunner", p)
		}

		have := false
		for _, q := range all {
			have = have || q == p
		}
		if !have {
			all = append(all, p)
		}
	}

	if len(all) == 0 {
		t.Skip("no Mailman here: set MAILMAN_PREFIX or MMRUNNER_TEST_PREFIXES")
	}

	return all
}

// Version returns the release of the Mailman at prefix, "2.1.39" for example,
// as its Mailman/Version.py has it.
func Version(t testing.TB, prefix string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(prefix, "Mailman", "Version.py"))
	if err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(string(b)) {
		name, v, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(name) == "VERSION" {
			return strings.Trim(strings.TrimSpace(v), `'"`)
		}
	}

	t.Fatalf("%s: no VERSION in Mailman/Version.py", prefix)
	return ""
}

// Python returns a Python 2.7 interpreter: $MAILMAN_PYTHON, else the one in
// the first line of an installed Mailman's bin/qrunner, else python2.7 on PATH,
// else one that pyenv built. Each candidate is run before it is believed, as a
// pyenv shim may stand in PATH for a version that is not there. It skips the
// test where none runs.
func Python(t testing.TB) string {
	t.Helper()
	p, err := python()
	if err != nil {
		t.Skip(err)
	}
	return p
}

var python = sync.OnceValues(func() (string, error) {
	var tried []string
	works := func(p string) bool {
		out, err := exec.Command(p, "-c", "import sys; print sys.version_info[:2]").Output()
		if err == nil && strings.TrimSpace(string(out)) == "(2, 7)" {
			return true
		}
		tried = append(tried, p)
		return false
	}
	if p := os.Getenv("MAILMAN_PYTHON"); p != "" {
		if works(p) {
			return p, nil
		}
		return "", fmt.Errorf("MAILMAN_PYTHON=%s does not run as Python 2.7", p)
	}
	for _, prefix := range prefixes() {
		if p := interpreter(prefix); p != "" && works(p) {
			return p, nil
		}
	}
	if p, err := exec.LookPath("python2.7"); err == nil && works(p) {
		return p, nil
	}
	if home, err := os.UserHomeDir(); err == nil {
		built, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "2.7*", "bin", "python2.7"))
		for _, p := range built {
			if works(p) {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("no Python 2.7 here: set MAILMAN_PYTHON (tried %q)", tried)
})

// interpreter is the program that bin/qrunner's first line names, "" if none.
func interpreter(prefix string) string {
	b, err := os.ReadFile(filepath.Join(prefix, "bin", "qrunner"))
	if err != nil {
		return ""
	}

	line, _, _ := bytes.Cut(b, []byte("\n"))
	words := strings.Fields(strings.TrimPrefix(string(line), "#!"))
	if len(words) == 0 || !bytes.HasPrefix(line, []byte("#!")) {
		return ""
	}
	return words[0]
}
