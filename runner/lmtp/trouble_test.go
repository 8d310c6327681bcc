//go:build linux

package lmtp

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tryMessage sends a message and returns the answer to the data.
func tryMessage(c *client, text string) string {
	c.t.Helper()
	c.send("MAIL FROM:<>\r\nRCPT TO:<one-bounces>\r\nDATA\r\n", "250", "250", "354")
	return c.send(text+"\r\n.\r\n", "")
}

// nothingIn fails the test where a queue holds anything.
func nothingIn(t *testing.T, dir string) {
	t.Helper()
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%s holds %v, %v, want nothing", dir, names, err)
	}
}

func TestFullDiskIsAnsweredWith452(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}

	s := testSite(t, "one")
	dir := s.QueueDir("bounces")
	for _, limit := range []string{"size=64k", "nr_inodes=1"} {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}

		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", limit, "tmpfs", dir).CombinedOutput(); err != nil {
			t.Skipf("a file system cannot be mounted here: %s", out)
		}

		func() {
			defer syscall.Unmount(dir, syscall.MNT_DETACH)
			srv, address := start(t, s, Options{})
			c := dial(t, address)
			if answer := tryMessage(c, strings.Repeat("x", 200_000)); !strings.HasPrefix(answer, "452 4.3.1") {
				t.Errorf("%s: answer %q, want 452 4.3.1", limit, answer)
			}

			nothingIn(t, dir)
			// The connection is still good, and other mail is taken.
			c.message("", "x", "one-request")
			c.Close()
			srv.Close()
		}()
	}
}

func TestUnwritableQueueIsAnsweredWith451(t *testing.T) {
	s := testSite(t, "one")
	_, address := start(t, s, Options{})
	dir := s.QueueDir("bounces")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink("/proc/nowhere", dir); err != nil {
		t.Fatal(err)
	}

	c := dial(t, address)
	if answer := tryMessage(c, "x"); !strings.HasPrefix(answer, "451 4.3.0") {
		t.Errorf("answer %q, want 451 4.3.0", answer)
	}

	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}

	// A queue directory that is gone is made again, as a runner would.
	if answer := tryMessage(c, "x"); !strings.HasPrefix(answer, "250") {
		t.Errorf("answer %q, want 250", answer)
	}
}

func TestNoDescriptorIsAnsweredWith451(t *testing.T) {
	s := testSite(t, "one")
	_, address := start(t, s, Options{})
	c := dial(t, address)
	c.send("MAIL FROM:<>\r\nRCPT TO:<one-bounces>\r\nDATA\r\n", "250", "250", "354")
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}

	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: was.Max}); err != nil {
		t.Fatal(err)
	}

	answer := c.send("x\r\n.\r\n", "")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}

	if !strings.HasPrefix(answer, "451") {
		t.Errorf("answer %q, want 451", answer)
	}

	nothingIn(t, s.QueueDir("bounces"))
	c.message("", "x", "one-bounces")
}

func TestClientsBeyondTheLimitsAreRefused(t *testing.T) {
	s := testSite(t, "one")
	_, address := start(t, s, Options{MaxSize: 1000, MaxMemory: 1, IdleTimeout: 300 * time.Millisecond})
	c := dial(t, address)
	c.send("MAIL FROM:<> SIZE=1001\r\n", "552")

	if answer := tryMessage(c, strings.Repeat("x", 2000)); !strings.HasPrefix(answer, "552 5.3.4") {
		t.Errorf("too large: answer %q, want 552 5.3.4", answer)
	}

	c.send(strings.Repeat("y", 2*commandLimit)+"\r\n", "501")
	c.message("", "x", "one-bounces")
	// A client that sends nothing is sent away.
	c.expect("421")

	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("after 421: %v, want the connection's end", err)
	}

	// A message of which the rest never comes is not queued.
	queued(t, s, "bounces")
	c = dial(t, address)
	c.send("MAIL FROM:<>\r\nRCPT TO:<one-bounces>\r\nDATA\r\nhalf", "250", "250", "354", "451")
	nothingIn(t, s.QueueDir("bounces"))
}

func TestMemoryOfAllMessagesIsLimited(t *testing.T) {
	s := testSite(t, "one")
	srv, address := start(t, s, Options{MaxSize: 100_000, MaxMemory: 100_000})
	slow := dial(t, address)
	slow.send("MAIL FROM:<>\r\nRCPT TO:<one-bounces>\r\nDATA\r\n", "250", "250", "354")
	slow.send(strings.Repeat("x", 70_000) + "\r\n")
	waitFor(t, "the slow message has its memory", func() bool { return srv.memory.used.Load() >= 70_000 })
	c := dial(t, address)
	if answer := tryMessage(c, strings.Repeat("x", 70_000)); !strings.HasPrefix(answer, "452 4.3.1") {
		t.Errorf("beside the slow one: answer %q, want 452 4.3.1", answer)
	}

	slow.send(".\r\n", "250")
	if answer := tryMessage(c, strings.Repeat("x", 70_000)); !strings.HasPrefix(answer, "250") {
		t.Errorf("after the slow one: answer %q, want 250", answer)
	}
}

func TestThousandConnections(t *testing.T) {
	s := testSite(t, "one")
	srv, address := start(t, s, Options{MaxConnections: 400})
	var open []net.Conn
	for range 1000 {
		c, err := net.Dial("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}

	waitFor(t, "as many as may be are accepted", func() bool { return srv.Counts().Open == 400 })
	// Those that are accepted first are served while the others wait.
	served := newClient(t, open[0])
	served.expect("220")
	served.send("LHLO t\r\n", "250")
	served.message("", "x", "one-bounces")
	for _, c := range open[:800] {
		c.Close()
	}
	last := newClient(t, open[999])
	last.expect("220")
	last.send("LHLO t\r\n", "250")
	last.message("", "x", "one-bounces")

	if n := len(queued(t, s, "bounces")); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

// FuzzProtocol has hostile clients: whatever comes, the server answers or closes, and
// what it queues is whole.
func FuzzProtocol(f *testing.F) {
	for _, seed := range []string{
		"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<one-bounces>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
		"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<one>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\nde",
		"LHLO x\r\nMAIL FROM:<@a,@b:\"q\\\"x\"@c> RET=FULL ENVID=+\r\nRCPT TO:<\"one\"> ORCPT=rfc822;+4\r\nDATA\r\na\r\r\n.\r\n",
		"BDAT 99999999999 LAST\r\nBDAT -1\r\nDATA\r\nRSET\r\nVRFY x\r\nSTARTTLS\r\nAUTH PLAIN\r\n",
		"lhlo\r\n\x00\xff\r\n\r\nMAIL FROM:\r\nRCPT TO:<\r\nMAIL FROM:<a@b> X=Y=Z\r\n",
		"LHLO x\nMAIL FROM:<>\nRCPT TO:<one-request>\nDATA\n..\r\n.\n\r\n.\r\n",
	} {
		f.Add([]byte(seed))
	}

	s := testSite(f, "one")
	srv, address := start(f, s, Options{MaxSize: 100_000})
	f.Fuzz(func(t *testing.T, input []byte) {
		c, err := net.Dial("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() {
			_, _ = c.Write(input)
			_ = c.(*net.UnixConn).CloseWrite()
		}()

		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		b, err := io.ReadAll(bufio.NewReader(c))
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatalf("%q: %v after %q", input, err, b)
		}

		for line := range bytes.Lines(b) {
			if len(line) < 4 || line[0] < '2' || line[0] > '5' || bytes.Contains(line, []byte(noDomain)) {
				t.Errorf("%q: answer %q", input, line)
			}
		}

		if bytes.Contains(b, []byte("Internal server error")) {
			t.Errorf("%q: %q", input, b)
		}

		if n := srv.memory.used.Load(); n < 0 {
			t.Errorf("%q: memory in use is %d", input, n)
		}

		for _, dir := range []string{"in", "bounces", "commands"} {
			names, _ := filepath.Glob(filepath.Join(s.QueueDir(dir), "*.pck"))
			if len(names) > 100 {
				for _, n := range names {
					os.Remove(n)
				}
			}
		}
	})
}
