package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmrunner/mmrunner/runner/devtools/torture"
)

// Installed with --outgoing, mmrunner is mailmanctl's VirginRunner and OutgoingRunner: the notice of a subscription
// reaches the mail server, one that is refused counts as a bounce, one that is put off waits in the retry queue.
// Uninstalled, it leaves both to Mailman's Python.
func TestInstalledWithOutgoing(t *testing.T) {
	t.Parallel()
	box, err := torture.NewMailbox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })

	in := newMailman(t, fmt.Sprintf(`SMTPHOST = '127.0.0.1'
SMTPPORT = %d
REGISTER_BOUNCES_EVERY = 1
QRUNNERS = [(name, 1) for name in ('BounceRunner', 'CommandRunner', 'VirginRunner', 'OutgoingRunner', 'RetryRunner')]`, box.Port()))
	if err := own(filepath.Join(in.prefix, "Mailman", "mm_cfg.py")); err != nil {
		t.Fatal(err)
	}

	self, err := filepath.EvalSymlinks(program(t))
	if err != nil {
		t.Fatal(err)
	}
	starts := 0

	// start has mailmanctl start the runners, and tells which of them are mmrunner.
	start := func() map[string]bool {
		in.run("", "bin/mailmanctl", "-u", "-q", "start")
		starts++
		ours := map[string]bool{}
		for _, name := range []string{"BounceRunner", "CommandRunner", "VirginRunner", "OutgoingRunner", "RetryRunner"} {
			_, exe, _ := procInfo(t, in.started(name, starts)[starts-1])
			ours[name] = exe == self
		}
		return ours
	}

	stop := func() {
		master := in.master()
		in.run("", "bin/mailmanctl", "-u", "-q", "stop")
		in.until("mailmanctl to end", func() bool { return syscall.Kill(master, 0) == syscall.ESRCH })
	}

	t.Cleanup(func() {
		if b, err := os.ReadFile(filepath.Join(in.prefix, "data", "master-qrunner.pid")); err == nil && len(b) > 0 {
			_ = syscall.Kill(in.master(), syscall.SIGTERM)
		}
	})

	mmrunner := func(args ...string) string {
		cmd := exec.Command(program(t), append(args, "--prefix", in.prefix)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("mmrunner %q: %v\n%s", args, err, out)
		}
		return string(out)
	}

	// Each joins, and has the notices that Mailman sends to those who join.
	given := map[string]int{}
	join := func(addrs ...string) {
		for _, addr := range addrs {
			in.run(subscription(addr), "scripts/request", "test")
		}
	}
	had := func(addr string) func() bool {
		return func() bool {
			for to, n := range box.Take() {
				given[to] += n
			}
			return given[addr] > 0
		}
	}

	mmrunner("install", "--yes", "--outgoing", "--binary", program(t))
	for name, ours := range start() {
		if ours != (name != "RetryRunner") {
			t.Errorf("%s after install --outgoing: got mmrunner %v, need %v", name, ours, !ours)
		}
	}

	join("new@example.org", "refused@example.org", "later@example.org")
	in.until("a notice of a subscription", had("new@example.org"))
	in.until("a bounce of whom the server refused", func() bool { return strings.Contains(in.log("bounce"), "test: refused@example.org bounce score: 1.0") })
	retry := filepath.Join(in.prefix, "qfiles", "retry", "*.pck")
	in.until("one to be tried again", func() bool { files, _ := filepath.Glob(retry); return len(files) > 0 })

	text := mmrunner("status")
	for _, want := range []string{"VirginRunner    mmrunner ", "OutgoingRunner  mmrunner ", "RetryRunner     Python "} {
		if !strings.Contains(text, want) {
			t.Errorf("mmrunner status: got no %q in\n%s", want, text)
		}
	}

	stop()
	for _, queue := range []string{"commands", "virgin", "out", "shunt", "bad"} {
		if left, _ := os.ReadDir(filepath.Join(in.prefix, "qfiles", queue)); len(left) > 0 {
			t.Errorf("got %v left in %s, need nothing", left, queue)
		}
	}

	if left, _ := filepath.Glob(filepath.Join(in.prefix, "data", "mmrunner-delivered-*")); len(left) > 0 {
		t.Errorf("got %v left, need what was delivered forgotten", left)
	}

	if log := in.log("error"); log != "" {
		t.Errorf("got in the error log:\n%s", log)
	}

	mmrunner("uninstall", "--yes")
	for name, ours := range start() {
		if ours {
			t.Errorf("%s after uninstall: got mmrunner, need Mailman's Python", name)
		}
	}

	join("python@example.org")
	in.until("a notice by Mailman's own runners", had("python@example.org"))
	stop()
}
