package main

import (
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mmrunner": main})
}

// program is the path of mmrunner, as the scripts have it.
func program(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mmrunner")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
