// Package postfix starts a Postfix of its own on loopback, with its queue and its
// configuration in one directory, beside the Postfix of the machine if that runs.
// [Server] is one. Tests and benchmarks send mail through it.
package postfix

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrNone says that no Postfix can be started here.
var ErrNone = errors.New("no Postfix can be started here")

// Server is a running Postfix.
type Server struct {
	Dir     string // main.cf, master.cf, queue and log
	Address string // of its SMTP server
}

// services are those of master.cf that delivering mail needs.
const services = `
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

// mainSettings has mail for pipe.example delivered by alias, and none taken from
// other machines.
const mainSettings = `compatibility_level = 3.6
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
bounce_queue_lifetime = 1d
lmtp_line_length_limit = 0
smtp_dns_support_level = disabled
smtputf8_enable = yes
%[2]s
`

// Look tells why no Postfix can be started here: the error is an [ErrNone], or nil.
func Look() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: only root can", ErrNone)
	}

	for _, program := range []string{"postfix", "postalias"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: %w", ErrNone, err)
		}
	}

	if _, err := user.Lookup("postfix"); err != nil {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}

	return nil
}

// Start starts a Postfix in dir, which must be empty and open to all users.
// settings are further lines of main.cf, aliases those of an alias file. The error
// is that of Look or of the programs, whose output it has.
func Start(dir, settings, aliases string) (*Server, error) {
	if err := Look(); err != nil {
		return nil, err
	}

	address, err := freePort()
	if err != nil {
		return nil, err
	}

	owner, err := user.Lookup("postfix")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return nil, err
	}

	data := filepath.Join(dir, "data")
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "main.cf"), fmt.Appendf(nil, mainSettings, dir, settings), 0o644),
		os.WriteFile(filepath.Join(dir, "master.cf"), fmt.Appendf(nil, services, address), 0o644),
		os.WriteFile(filepath.Join(dir, "aliases"), []byte(aliases), 0o644),
		os.Mkdir(filepath.Join(dir, "queue"), 0o755),
		os.Mkdir(data, 0o700),
		os.Chown(data, uid, -1),
	)
	if err != nil {
		return nil, err
	}

	s := &Server{Dir: dir, Address: address}
	if err := run("postalias", "-c", dir, "hash:"+filepath.Join(dir, "aliases")); err != nil {
		return nil, err
	}
	if err := run("postfix", "-c", dir, "start"); err != nil {
		return nil, err
	}

	return s, s.await()
}

// freePort is an address of loopback on which no process listens.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// await returns when the server accepts connections.
func (s *Server) await() error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Address)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			return errors.Join(err, s.Stop())
		}
	}
}

// Stop ends it, deliveries at hand included.
func (s *Server) Stop() error { return run("postfix", "-c", s.Dir, "abort") }

// Log returns its log so far.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// PID is the process that started all others of it.
func (s *Server) PID() (int, error) {
	b, err := os.ReadFile(filepath.Join(s.Dir, "queue", "pid", "master.pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

func run(program string, args ...string) error {
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", program, args, err, out)
	}
	return nil
}
