package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// build makes the program in a directory of its own, with a site beside it.
func build(t testing.TB) (program string, s *intake.Settings) {
	t.Helper()
	dir := t.TempDir()
	program = filepath.Join(dir, "mmpost")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")

	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	s = &intake.Settings{ListDir: filepath.Join(dir, "lists"), Schema: 3, Queues: map[string]string{}}
	for _, q := range []string{"in", "bounces", "commands"} {
		s.Queues[q] = filepath.Join(dir, "qfiles", q)
	}
	for _, c := range "-+abcdefghijklmnopqrstuvwxyz" {
		s.Acceptable[c] = true
	}
	err := errors.Join(os.MkdirAll(filepath.Join(s.ListDir, "one"), 0o755), os.Mkdir(filepath.Join(dir, "qfiles"), 0o755),
		os.WriteFile(filepath.Join(s.ListDir, "one", "config.pck"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, "mmpost.conf"), fmt.Appendf(nil, "# for tests\nparent-group %d\n%s", os.Getgid(), s), 0o644))
	if err != nil {
		t.Fatal(err)
	}

	return program, s
}

// pipe runs the program with a message, and returns its exit status.
func pipe(t testing.TB, program string, args ...string) (status int, said string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader("From a  Thu Jan  1 00:00:00 1970\nSubject: s\n\nbody \x00\xff\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}

	return cmd.ProcessState.ExitCode(), stderr.String()
}

func TestMessageIsQueuedAndNothingLocalBounces(t *testing.T) {
	program, s := build(t)
	if status, said := pipe(t, program, "bounces", "ONE"); status != 0 {
		t.Fatalf("exit status %d: %s", status, said)
	}

	names, err := os.ReadDir(s.Queues["bounces"])
	if err != nil || len(names) != 1 {
		t.Fatalf("queue holds %v, %v, want one entry", names, err)
	}

	b, err := os.ReadFile(filepath.Join(s.Queues["bounces"], names[0].Name()))
	if err != nil {
		t.Fatal(err)
	}

	it, err := qfile.Decode(strings.TrimSuffix(names[0].Name(), ".pck"), b)
	if err != nil || it.Data.Str("listname") != "one" {
		t.Errorf("entry %+v, %v", it, err)
	}

	config := filepath.Join(filepath.Dir(program), "mmpost.conf")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name   string
		args   []string
		spoil  func() error
		status int
		says   string
	}{
		{"no arguments", nil, nil, exUsage, "SCRIPT LIST"},
		{"another script", []string{"driver", "one"}, nil, exUsage, "driver"},
		{"unknown list", []string{"post", "none"}, nil, exNoUser, "no list"},
		{"hostile list", []string{"post", "../lists/one"}, nil, exNoUser, "no list"},
		{"a file for a queue", []string{"post", "one"}, func() error { return os.WriteFile(s.Queues["in"], nil, 0o600) }, exTempFail, "not a directory"},
		{"another group", []string{"post", "one"}, func() error {
			return os.WriteFile(config, bytes.Replace(good, []byte("parent-group"), []byte("parent-group 4294967\n# "), 1), 0o644)
		}, exTempFail, "group mismatch"},
		{"a spoilt configuration", []string{"post", "one"}, func() error { return os.WriteFile(config, []byte("what\n"), 0o644) }, exTempFail, "line 1"},
		{"a configuration of others", []string{"post", "one"}, func() error { return os.Chmod(config, 0o666) }, exTempFail, "only root"},
		{"no configuration", []string{"post", "one"}, func() error { return os.Remove(config) }, exTempFail, "mmpost.conf"},
	} {
		if tt.spoil != nil {
			if err := tt.spoil(); err != nil {
				t.Fatal(err)
			}
		}

		if status, said := pipe(t, program, tt.args...); status != tt.status || !strings.Contains(said, tt.says) {
			t.Errorf("%s: exit status %d, %q, want %d and %q", tt.name, status, said, tt.status, tt.says)
		}
	}
}

// BenchmarkPipe is one message by the program, process and all.
func BenchmarkPipe(b *testing.B) {
	program, _ := build(b)
	for b.Loop() {
		if status, said := pipe(b, program, "bounces", "one"); status != 0 {
			b.Fatal(said)
		}
	}
}
