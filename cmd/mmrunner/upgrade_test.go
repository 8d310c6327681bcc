package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A runner goes on as the new program when its own was replaced: with the process id that mailmanctl knows, and with
// no entry left behind.
func TestNewProgramTakesOver(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "mmrunner")
	install := func() {
		b, err := os.ReadFile(program(t))
		if err != nil {
			t.Fatal(err)
		}

		fresh := bin + ".new"
		if err := os.WriteFile(fresh, b, 0o755); err != nil {
			t.Fatal(err)
		}

		// As a package's files are older than their installation.
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(fresh, old, old); err != nil {
			t.Fatal(err)
		}

		if err := os.Rename(fresh, bin); err != nil {
			t.Fatal(err)
		}
	}

	install()
	for dir := bin; dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode()&0o001 == 0 {
			_ = os.Chmod(dir, 0o755) // Mailman's user starts it
		}
	}

	in := underMailman(t, fmt.Sprintf("PYTHON = %q\nQRUNNERS = [('CommandRunner', 1)]", bin))
	in.run("", "bin/mailmanctl", "-u", "-q", "start")
	t.Cleanup(func() { _ = syscall.Kill(in.master(), syscall.SIGTERM) })
	before := in.started("CommandRunner", 1)

	install()
	in.run("", "bin/mailmanctl", "-u", "-q", "reopen")
	after := in.started("CommandRunner", 2)
	if after[1] != before[0] {
		t.Errorf("got process %d after the program was replaced, want %d still", after[1], before[0])
	}

	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", after[1])); err != nil || exe != bin {
		t.Errorf("got program %q, %v; want %s", exe, err, bin)
	}

	if log := in.log("qrunner"); !strings.Contains(log, "was replaced; going on with the new program") {
		t.Errorf("got no line about the new program in the qrunner log:\n%s", log)
	}

	in.run(subscription("new@example.org"), "scripts/request", "test")
	in.until("a new member", func() bool { return strings.Contains(in.members(), "new@example.org") })
}
