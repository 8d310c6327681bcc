package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Shells complete the names of runners and lists wherever a command takes them, and never file names there.
func TestRunnersAndListsComplete(t *testing.T) {
	prefix := t.TempDir()
	for _, name := range []string{"bin/qrunner", "Mailman/Defaults.py", "Mailman/mm_cfg.py", "lists/announce/config.pck", "lists/staff/config.pck"} {
		path := filepath.Join(prefix, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o770); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o660); err != nil {
			t.Fatal(err)
		}
	}

	for line, want := range map[string]string{
		"run ":                   "BounceRunner CommandRunner VirginRunner OutgoingRunner",
		"run B":                  "BounceRunner",
		"drain BounceRunner ":    "CommandRunner VirginRunner OutgoingRunner",
		"shadow C":               "CommandRunner",
		"qrunner --runner ":      "BounceRunner CommandRunner VirginRunner OutgoingRunner",
		"verify ":                "announce staff",
		"verify staff ":          "announce",
		"report s":               "staff",
		"enable ":                "announce staff",
		"enable staff ":          "",
		"release ":               "announce staff",
		"lmtp --check ":          "announce staff",
		"lmtp --config ":         "postfix exim sendmail opensmtpd pipe",
		"run --privacy ":         "keep hash none",
		"status --queue b":       "bounces bad",
		"shunt retry --queue vi": "virgin",
	} {
		cmd := exec.Command(program(t), append([]string{"__complete"}, strings.Split(line, " ")...)...)
		cmd.Env = append(os.Environ(), "MAILMAN_PREFIX="+prefix, "MAILMAN_PYTHON="+filepath.Join(prefix, "no-python"))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}

		names, directive, _ := strings.Cut(string(out), ":")
		var got []string
		for name := range strings.Lines(names) {
			name, _, _ = strings.Cut(strings.TrimSpace(name), "\t")
			got = append(got, name)
		}
		if strings.Join(got, " ") != want || strings.TrimSpace(directive) != "4" {
			t.Errorf("mmrunner %s: got %q and directive %q, need %q and 4, which is no file names", line, got, directive, want)
		}
	}
}
