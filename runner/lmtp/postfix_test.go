package lmtp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// postfix is one of a test's own, on loopback.
type postfix struct {
	t       testing.TB
	dir     string // main.cf, master.cf, queue and log
	address string // of its SMTP server
}

// postfixServices are those of master.cf that delivering mail needs.
const postfixServices = `
%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// needPostfix skips the test where there is no Postfix that it may start.
func needPostfix(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a Postfix")
	}

	for _, program := range []string{"postfix", "postalias"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no Postfix here: ", err)
		}
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

// freePort is a port of loopback on which nobody listens.
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
func startPostfix(t testing.TB, settings, aliases string) *postfix {
	t.Helper()
	needPostfix(t)
	p := &postfix{t, publicDir(t), freePort(t)}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Skip("no Postfix here: ", err)
	}

	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		t.Fatal(err)
	}

	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = mx.example
mydestination = pipe.example
alias_maps = hash:%[1]s/aliases
alias_database = hash:%[1]s/aliases
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
recipient_delimiter = +
local_recipient_maps =
default_privs = nobody
bounce_queue_lifetime = 1d
lmtp_line_length_limit = 0
smtp_dns_support_level = disabled
smtputf8_enable = yes
%[2]s
`, p.dir, settings)

	err = errors.Join(
		os.WriteFile(filepath.Join(p.dir, "main.cf"), []byte(main), 0o644),
		os.WriteFile(filepath.Join(p.dir, "master.cf"), fmt.Appendf(nil, postfixServices, p.address), 0o644),
		os.WriteFile(filepath.Join(p.dir, "aliases"), []byte(aliases), 0o644),
		os.Mkdir(filepath.Join(p.dir, "queue"), 0o755),
		os.Mkdir(filepath.Join(p.dir, "data"), 0o700),
		os.Chown(filepath.Join(p.dir, "data"), uid, -1),
	)
	if err != nil {
		t.Fatal(err)
	}

	p.run("postalias", "-c", p.dir, "hash:"+filepath.Join(p.dir, "aliases"))
	p.run("postfix", "-c", p.dir, "start")
	t.Cleanup(func() {
		p.run("postfix", "-c", p.dir, "abort")
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			t.Logf("Postfix's log:\n%s", b)
		}
	})

	return p
}

func (p *postfix) run(program string, args ...string) {
	p.t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

// send gives Postfix a message by SMTP. Lines of text end with CR LF.
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
	for end := time.Now().Add(60 * time.Second); !ready(); time.Sleep(50 * time.Millisecond) {
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
