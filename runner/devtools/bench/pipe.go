package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// script returns the command of Mailman's script for bounces, which its alias starts
// for each message, with the installation's programs and another state. Mailman's own
// wrapper only checks its caller's group and starts the same.
func script(installed, state *site.Site, list string) ([]string, error) {
	dir := filepath.Join(state.Prefix, "scripts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}

	b, err := os.ReadFile(filepath.Join(installed.Prefix, "scripts", "bounces"))
	if err != nil {
		return nil, err
	}
	paths, err := os.ReadFile(filepath.Join(installed.Prefix, "scripts", "paths.py"))
	if err != nil {
		return nil, err
	}

	// The mm_cfg of this directory comes before the installation's, which it begins with.
	paths = fmt.Appendf(paths, "\nimport Mailman\nMailman.__path__.insert(0, %s)\n", pickle.Repr(pickle.Str(dir), 1000))
	config := fmt.Sprintf("execfile(%s)\n", pickle.Repr(pickle.Str(filepath.Join(installed.Prefix, "Mailman", "mm_cfg.py")), 1000)) + moved(installed, state)

	for name, text := range map[string][]byte{"bounces": b, "paths.py": paths, "mm_cfg.py": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, err
		}
	}

	return []string{installed.Python, "-S", filepath.Join(dir, "bounces"), list}, nil
}

// mmpostAt copies mmpost beside a configuration for a site, and returns its command.
func mmpostAt(program string, state *site.Site, list string) ([]string, error) {
	dir := filepath.Join(state.Prefix, "mmpost")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}

	set, err := lmtp.SettingsOf(state)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf("parent-group %d\n%s", os.Getgid(), set)

	copied := filepath.Join(dir, "mmpost")
	if err := os.WriteFile(copied, b, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "mmpost.conf"), []byte(config), 0o644); err != nil {
		return nil, err
	}

	return []string{copied, "bounces", list}, nil
}

// piped runs a command once for each text, as a mail server does, and returns the
// time and the processor time of all.
func piped(command, texts []string) (took, cpu time.Duration, err error) {
	began := time.Now()
	for _, text := range texts {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, 0, fmt.Errorf("%v: %w: %s", command, err, out)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}

	return time.Since(began), cpu, nil
}

// PipeTime is the processor time that Mailman's script takes for one message, on a
// made-up site in dir, which must be empty. The error is that of the script.
func PipeTime(installed *site.Site, dir string, messages int) (time.Duration, error) {
	s, texts, err := intakeSite(dir, messages)
	if err != nil {
		return 0, err
	}

	command, err := script(installed, s, listName)
	if err != nil {
		return 0, err
	}

	// The first run compiles.
	if _, _, err := piped(command, texts[:1]); err != nil {
		return 0, err
	}
	_, cpu, err := piped(command, texts)
	return cpu / time.Duration(max(len(texts), 1)), err
}
