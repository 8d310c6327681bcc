package lmtp

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// exim4 finds the Exim to test with: $EXIM, else the one on PATH.
func exim4(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start an Exim")
	}

	name := os.Getenv("EXIM")
	if name == "" {
		name = "exim4"
	}

	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("no Exim here; $EXIM may name one: ", err)
	}

	if out, err := exec.Command(path, "-bV", "-C", "/dev/null").CombinedOutput(); err != nil {
		t.Skipf("%s does not run here: %v: %s", path, err, out)
	}

	return path
}

// startExim starts one on loopback, with what mmrunner prints for it in front of a
// router for Mailman's pipe at pipe.example.
func startExim(t *testing.T, p *pipeSite) (address string) {
	t.Helper()
	program, dir := exim4(t), publicDir(t)
	address = freePort(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}

	printed := p.config(t, "exim")
	routers, transport, ok := strings.Cut(printed, "# Transport.")
	if !ok {
		t.Fatalf("printed %q, want a line # Transport.", printed)
	}

	if _, err := user.Lookup("Debian-exim"); err != nil {
		t.Skip("no Exim here: ", err)
	}

	var names []string
	for _, s := range intake.Scripts() {
		if s.Suffix != "" {
			names = append(names, s.Suffix, s.Suffix+"+*")
		}
	}

	config := fmt.Sprintf(`
spool_directory = %[1]s/spool
log_file_path = %[1]s/log.%%slog
pid_file_path = %[1]s/pid
primary_hostname = mx.example
domainlist local_domains = pipe.example : lmtp.example
daemon_smtp_ports = %[2]s
local_interfaces = 127.0.0.1
exim_user = Debian-exim
exim_path = %[8]s
tls_advertise_hosts =
keep_environment =
never_users =
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
host_lookup = :
smtp_accept_max = 0
deliver_queue_load_max = 1000
queue_only_load = 1000

begin acl
acl_rcpt:
  require verify = recipient
  accept
acl_data:
  accept

begin routers
%[3]s
pipe_list:
  driver = accept
  domains = pipe.example
  local_part_suffix = %[4]s
  local_part_suffix_optional
  condition = ${lookup{${lc:$local_part}}dsearch,filter=dir{%[5]s/lists}}
  transport = pipe_transport
  no_more
elsewhere:
  driver = accept
  domains = fails.example
  transport = fails

begin transports
# %[6]s
pipe_transport:
  driver = pipe
  command = %[7]s -S '%[5]s/scripts/${lookup{${if def:local_part_suffix {${lc:${sg{$local_part_suffix}{-(\\w+)(\\+.*)?}{\$1}}}}{post}}}dsearch{%[5]s/scripts}}' '${lookup{${lc:$local_part}}dsearch{%[5]s/lists}}'
  user = Debian-exim
  group = Debian-exim
  current_directory = /
  home_directory = /
fails:
  driver = pipe
  command = /bin/false
  user = Debian-exim
  group = Debian-exim
  current_directory = /
  home_directory = /

begin retry
*  *  F,2h,1s
`, dir, port, routers, strings.Join(names, " : "), p.prefix, transport, mmtest.Python(t), program)

	file := filepath.Join(dir, "exim.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}

	// Exim keeps no privileges with a configuration of another place, so all of it runs as its user.
	if out, err := exec.Command("chown", "-R", "Debian-exim", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	if err := os.Chown(file, 0, 0); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(program, "-C", file, "-bdf", "-q1s")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()

		if t.Failed() {
			main, _ := os.ReadFile(filepath.Join(dir, "log.mainlog"))
			panics, _ := os.ReadFile(filepath.Join(dir, "log.paniclog"))
			t.Logf("Exim's logs:\n%s\n%s\n%s", log.String(), main, panics)
		}
	})

	return address
}

// What comes through Exim with the configuration that mmrunner prints goes where its
// pipe would have brought it, with the same text below the lines of the envelope.
func TestEntriesAreThoseOfEximsPipe(t *testing.T) {
	exim4(t)
	p := newPipeSite(t, "one", "foo-bounces")
	address := startExim(t, p)
	n := 0
	for _, local := range []string{"one", "one-bounces+user=host.example", "one-bounces", "one-admin", "one-request", "one-confirm+" + strings.Repeat("0a", 20),
		"one-join", "one-leave", "one-owner", "One-Subscribe", "one-unsubscribe"} {
		text := mails[n%len(mails)]
		n++
		sendSMTP(t, address, "a@sender.example", text, local+"@pipe.example", local+"@lmtp.example")
		waitFor(t, local+": two entries", func() bool {
			return count(p.site.QueueDir("in"))+count(p.site.QueueDir("bounces"))+count(p.site.QueueDir("commands")) >= 2
		})
		got := p.taken(t)
		if len(got) != 2 || below(got[0]) != below(got[1]) {
			t.Errorf("to %s: entries differ:\n%q", local, got)
		}
	}

	// Exim's own bounce, and a list whose name looks like an address of another.
	sendSMTP(t, address, "one-bounces+user=host.example@lmtp.example", mails[0], "x@fails.example")
	waitFor(t, "a bounce", func() bool { return count(p.site.QueueDir("bounces")) == 1 })

	if got := p.taken(t)[0]; !strings.Contains(got, "'listname': 'one'") || !strings.Contains(got, "\nReturn-Path: <>\n") || !strings.Contains(got, "\nX-Failed-Recipients: x@fails.example\n") {
		t.Errorf("Exim's bounce is %s", got)
	}

	sendSMTP(t, address, "a@sender.example", mails[0], "foo-bounces@lmtp.example")
	waitFor(t, "a post", func() bool { return count(p.site.QueueDir("in")) == 1 })
	if got := p.taken(t)[0]; !strings.Contains(got, "'listname': 'foo-bounces'") {
		t.Errorf("the post to foo-bounces is %s", got)
	}
}

// below is an entry without the lines that the mail server or we put before the
// message, and without the time of receiving it.
func below(entry string) string {
	head, text, _ := strings.Cut(entry, "\n")
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		if !strings.HasPrefix(line, "From ") && !strings.HasPrefix(line, "Return-Path: <a@sender.example>") &&
			!strings.HasPrefix(line, "X-Original-To: One") && !strings.HasPrefix(line, "X-Original-To: one") && !strings.HasPrefix(line, "Delivered-To: One") && !strings.HasPrefix(line, "Delivered-To: one") {
			break
		}
		text = rest
	}

	return head + "\n" + strings.TrimRight(text, "\n")
}
