package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestAlone runs the shell sessions in testdata/alone, for what works without any
// Mailman.
func TestAlone(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/alone",
		Setup: func(env *testscript.Env) error {
			env.Setenv("MAILMAN_PREFIX", "")
			return nil
		},
	})
}
