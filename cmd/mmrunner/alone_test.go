package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestSessionsWithoutAMailman runs the shell sessions in testdata/alone, for what works without any
// Mailman.
func TestSessionsWithoutAMailman(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/alone",
		Setup: func(env *testscript.Env) error {
			env.Setenv("MAILMAN_PREFIX", "")
			return nil
		},
	})
}
