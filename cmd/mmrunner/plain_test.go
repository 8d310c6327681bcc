package main

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestPlainScripts runs the shell sessions in testdata/plain, which need no Mailman and find none.
func TestPlainScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/plain",
		Setup: func(env *testscript.Env) error {
			env.Setenv("MAILMAN_PREFIX", "nowhere")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"chomp": chomp},
	})
}

// chomp is "chomp FILE...": it takes the last line end away, which a pickle has not and a file in a script must have.
func chomp(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("chomp cannot fail")
	}
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(strings.TrimSuffix(ts.ReadFile(name), "\n")), 0o600))
	}
}
