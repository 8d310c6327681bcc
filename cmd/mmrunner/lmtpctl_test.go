package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/emersion/go-smtp"
)

// sendLMTP gives an LMTP server a message.
func sendLMTP(t *testing.T, address, recipient, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.SendMail("", []string{recipient}, strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatalf("to %s: %v", recipient, err)
	}
}

// install --lmtp has mailmanctl start the LMTP server with the other runners, start it anew when it was killed, and
// stop it; status shows what it took; and after uninstall it is not started any more.
func TestLMTPServerUnderMailmanctl(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()

	in := newMailman(t, "QRUNNERS = [('BounceRunner', 1), ('CommandRunner', 1)]\nREGISTER_BOUNCES_EVERY = 0\nMMRUNNER_SOCKETMAP = 'none'")
	if err := own(filepath.Join(in.prefix, "Mailman", "mm_cfg.py")); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(program(t), args...)
		cmd.Env = append(os.Environ(), "MAILMAN_PREFIX="+in.prefix, "MAILMAN_PYTHON="+in.python)
		return cmd
	}
	mmrunner := func(args ...string) string {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		if err != nil {
			t.Fatalf("mmrunner %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	running := false
	start := func() {
		in.run("", "bin/mailmanctl", "-u", "-q", "start")
		running = true
	}
	stop := func() {
		master := in.master()
		in.run("", "bin/mailmanctl", "-u", "-q", "stop")
		in.until("mailmanctl to end", func() bool { return syscall.Kill(master, 0) == syscall.ESRCH })
		running = false
	}
	t.Cleanup(func() {
		if running {
			_ = syscall.Kill(in.master(), syscall.SIGTERM)
		}
	})

	// Mail comes in by LMTP and takes its usual way.
	mmrunner("install", "--yes", "--lmtp="+address)
	start()
	taking := fmt.Sprintf("mmrunner takes mail on [%s]", address)
	in.until("the server", func() bool { return len(in.pids(taking)) == 1 })
	sendLMTP(t, address, "test-request", subscription("new@example.org"))
	sendLMTP(t, address, "test-bounces+a=example.com", aBounce)
	in.until("a new member", func() bool { return strings.Contains(in.members(), "new@example.org") })
	in.until("a bounce", func() bool { return strings.Contains(in.log("bounce"), "test: a@example.com bounce score: 1.0") })
	in.until("its counts", func() bool {
		out, _ := command("status").Output() // its exit status tells that the virgin queue has no runner
		return strings.Contains(string(out), "bounces 1, commands 1")
	})

	// Killed, it is started anew.
	if err := syscall.Kill(in.pids(taking)[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	in.until("the next server", func() bool { return len(in.pids(taking)) == 2 })
	sendLMTP(t, address, "test-leave", strings.Replace(subscription("new@example.org"), "subscribe", "leave", 1))
	in.until("a question whether to leave", func() bool {
		left, _ := filepath.Glob(filepath.Join(in.prefix, "qfiles", "virgin", "*.pck"))
		return len(left) > 0
	})

	// Stopped, it leaves nothing but its counts.
	stop()
	if !strings.Contains(in.log("qrunner"), "sts: 15, class: LMTPRunner, slice: 1/1") {
		t.Errorf("got no end of LMTPRunner by SIGTERM in the qrunner log:\n%s", in.log("qrunner"))
	}
	if left, _ := filepath.Glob(filepath.Join(in.prefix, "data", "mmrunner-lmtp-*redo*")); len(left) > 0 {
		t.Errorf("got %v left", left)
	}
	if log := in.log("error"); log != "" {
		t.Errorf("got in the error log:\n%s", log)
	}

	// Taken out, it is no runner any more.
	if said := mmrunner("uninstall", "--yes"); !strings.Contains(said, "relay_recipient_maps") {
		t.Errorf("uninstall said nothing of the mail server:\n%s", said)
	}
	start()
	in.started("BounceRunner", 1)
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Errorf("mail is still taken on %s", address)
	}
	stop()
}
