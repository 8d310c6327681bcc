package lmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// activated makes this test binary the service of the site in that directory, on the
// sockets that it inherits.
const activated = "MMRUNNER_TEST_LMTP_ACTIVATED"

// runActivated is the service; it ends with its standard input.
func runActivated(dir string) error {
	// The program that starts the service sets this to its number.
	if err := os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid())); err != nil {
		return err
	}

	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		stop()
	}()
	return (&Service{Site: site.FromProfile(dir, site.Builtin()), Inherit: true, Listen: []string{None}, Maps: []string{None}}).Run(ctx)
}

// The service takes mail and answers Postfix on the sockets that systemd has opened,
// and tells systemd when it is ready and when it stops.
func TestServiceOnSocketsOfSystemd(t *testing.T) {
	s := testSite(t, "one")
	sockets := make([]*os.File, 2)
	addresses := make([]string, 2)
	for i := range sockets {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
		if sockets[i], err = l.(*net.TCPListener).File(); err != nil {
			t.Fatal(err)
		}
		defer sockets[i].Close()
	}

	notify := filepath.Join(t.TempDir(), "notify")
	said, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), activated+"="+s.Prefix, "LISTEN_FDS=2", "LISTEN_FDNAMES=lmtp:mmrunner-socketmap", "NOTIFY_SOCKET="+notify)
	cmd.ExtraFiles = sockets // from 3 on, as sd_listen_fds(3) has them
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()

	expect := func(want string) {
		t.Helper()
		_ = said.SetReadDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 1000)
		n, err := said.Read(b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("systemd was told %q, %v, want %q", b[:n], err, want)
		}
	}
	expect("READY=1")

	// A message.
	conn, err := net.Dial("tcp", addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	c.expect("220")
	c.send("LHLO t\r\n", "250")
	c.message("", "x", "one-bounces")
	c.Close()

	// A question of Postfix.
	maps, err := net.Dial("tcp", addresses[1])
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	key := "transport one@" + s.Str("DEFAULT_EMAIL_HOST")
	fmt.Fprintf(maps, "%d:%s,", len(key), key)
	_ = maps.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 1000)
	n, err := maps.Read(b)
	if err != nil || !strings.Contains(string(b[:n]), ":OK lmtp:inet:"+addresses[0]) {
		t.Errorf("the socketmap answered %q, %v", b[:n], err)
	}

	in.Close()
	expect("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(queued(t, s, "bounces")); n != 1 {
		t.Errorf("%d messages are queued, want 1", n)
	}
}

// The service knows its addresses when it says that it has started.
func TestServiceKnowsItsAddressesWhenItStarts(t *testing.T) {
	s := testSite(t, "one")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()

	var addresses []string
	svc := &Service{Site: s, Listen: []string{"127.0.0.1:0"}, Maps: []string{None}}
	svc.Started = func(srv *Server) {
		addresses = srv.Counts().Addresses
		stop()
	}
	if err := svc.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(addresses) != 1 || !strings.HasPrefix(addresses[0], "127.0.0.1:") {
		t.Errorf("addresses %q, want one of this machine", addresses)
	}

	counts, err := ReadCounts(s)
	if err != nil || len(counts) != 1 || counts[0].Host == "" {
		t.Errorf("written down: %+v, %v, want this host's", counts, err)
	}
}

// An address that is no such thing, or in use, is named.
func TestServiceNamesTheAddressThatFails(t *testing.T) {
	s := testSite(t, "one")
	for _, address := range []string{"8024", "localhost:http:1"} {
		err := (&Service{Site: s, Listen: []string{address}, Maps: []string{None}}).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "need HOST:PORT") {
			t.Errorf("%s: %v, want it named and what is needed", address, err)
		}
	}

	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.Mkdir(open, 0o777), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	err := (&Service{Site: s, Listen: []string{filepath.Join(open, "s")}, Maps: []string{None}}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), open) {
		t.Errorf("a socket where others may write: %v, want its directory named", err)
	}
}
