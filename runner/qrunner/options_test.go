package qrunner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgumentsAreReadAsQrunnerDoes(t *testing.T) {
	bounce := Spec{"BounceRunner", 0, 1}
	for _, tt := range []struct {
		args []string
		want Options
	}{
		{[]string{"--runner=BounceRunner:0:1", "-s"}, Options{Subproc: true, Runners: []Spec{bounce}}},
		{[]string{"-sr", "Bounce:0:1"}, Options{Subproc: true, Runners: []Spec{bounce}}},
		{[]string{"-rBounce:0:1"}, Options{Runners: []Spec{bounce}}},
		// Without a slice, bin/qrunner means slice 1 of 1.
		{[]string{"-o", "-v", "-r", "Command"}, Options{Once: true, Verbose: true, Runners: []Spec{{"CommandRunner", 1, 1}}}},
		{[]string{"--run", "All", "--on"}, Options{Once: true, Runners: []Spec{{All, 1, 1}}}},
		{[]string{"-r", "Bounce:0:1", "-r", "Command:3:4"}, Options{Runners: []Spec{bounce, {"CommandRunner", 3, 4}}}},
		{[]string{"-l"}, Options{List: true}},
		{[]string{"--help"}, Options{Help: true}},
	} {
		got, err := Parse(tt.args)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.args, err)
		}

		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Parse(%q) -want +got:\n%s", tt.args, d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{
		{}, {"-s"}, {"-r"}, {"-r", "Bounce:0"}, {"-r", "Bounce:a:b"}, {"-r", "Bounce", "more"},
		{"--bogus"}, {"-x"}, {"--once=1", "-r", "Bounce"}, {"--runner"},
	} {
		var usage *UsageError
		if _, err := Parse(args); !errors.As(err, &usage) {
			t.Errorf("Parse(%q): got error %v, need a usage error", args, err)
		}
	}
}

func TestInvocationByMailmanctlIsRecognised(t *testing.T) {
	script, args, ok := Invocation([]string{"/usr/local/bin/mmrunner", "/usr/local/mailman/bin/qrunner", "--runner=BounceRunner:0:1", "-s"})
	if !ok || script != "/usr/local/mailman/bin/qrunner" || len(args) != 2 {
		t.Errorf("got %q %q %v", script, args, ok)
	}

	for _, argv := range [][]string{{"mmrunner"}, {"mmrunner", "qrunner", "-l"}, {"mmrunner", "drain"}} {
		if _, _, ok := Invocation(argv); ok {
			t.Errorf("%q was taken for mailmanctl's", argv)
		}
	}
}

func TestInterpreterIsTheOneThatQrunnerNames(t *testing.T) {
	dir := t.TempDir()
	script := func(first string) string {
		p := filepath.Join(dir, "qrunner")
		if err := os.WriteFile(p, []byte(first+"\nimport sys\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}

	p := script("#! /bin/sh -S")
	path, argv, err := Command(p, []string{"-s"})
	if err != nil || path != "/bin/sh" {
		t.Fatal(path, err)
	}

	if d := cmp.Diff([]string{"/bin/sh", "-S", p, "-s"}, argv); d != "" {
		t.Error(d)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	for _, first := range []string{"#! " + self, "import sys", "#!", "#! /nonexistent/python"} {
		if _, _, err := Command(script(first), nil); err == nil {
			t.Errorf("first line %q was accepted", first)
		}
	}
}
