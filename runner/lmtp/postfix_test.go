package lmtp

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/runner/devtools/postfix"
)

// needPostfix skips the test where there is no Postfix that it may start.
func needPostfix(t testing.TB) {
	t.Helper()
	if err := postfix.Look(); err != nil {
		t.Skip(err)
	}
}

// publicDir makes a directory that every user can reach, unlike t.TempDir's.
func publicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mmrunner-mta-")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	return dir
}

// freePort is an address of loopback on which no process listens.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startPostfix starts one with further settings for main.cf. Aliases are lines of
// its alias file.
func startPostfix(t testing.TB, settings, aliases string) *postfix.Server {
	t.Helper()
	needPostfix(t)
	p, err := postfix.Start(publicDir(t), settings, aliases)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("Postfix's log:\n%s", p.Log())
		}
	})

	return p
}

// sendSMTP gives a mail server a message by SMTP. Lines of text end with CR LF.
func sendSMTP(t testing.TB, address, sender, text string, recipients ...string) {
	t.Helper()
	var conn net.Conn
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var err error
		if conn, err = net.Dial("tcp", address); err == nil {
			break
		}

		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	defer conn.Close()
	c := newClient(t, conn)
	c.expect("220")
	c.send("EHLO test.example\r\n", "250")
	c.send("MAIL FROM:<"+sender+">\r\n", "250")
	for _, r := range recipients {
		c.send("RCPT TO:<"+r+">\r\n", "250")
	}
	c.send("DATA\r\n", "354")
	c.send(text+".\r\n", "250")
	c.send("QUIT\r\n", "221")
}

// waitFor waits until ready says yes.
func waitFor(t testing.TB, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not so after a minute", what)
		}
	}
}

// count is how many entries wait in a queue directory.
func count(dir string) int {
	names, _ := filepath.Glob(filepath.Join(dir, "*.pck"))
	return len(names)
}
