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
	"time"

	"github.com/emersion/go-smtp"
)

// A runner goes on as the new program when its own was replaced: with the process id that mailmanctl knows, and with
// no entry left behind.
func TestNewProgramTakesOver(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "mmrunner")
	installAt(t, bin)

	in := underMailman(t, fmt.Sprintf("PYTHON = %q\nQRUNNERS = [('CommandRunner', 1)]", bin))
	in.run("", "bin/mailmanctl", "-u", "-q", "start")
	t.Cleanup(func() { _ = syscall.Kill(in.master(), syscall.SIGTERM) })
	before := in.started("CommandRunner", 1)

	installAt(t, bin)
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

// installAt puts the program in a place as a package manager does, for Mailman's user to start.
func installAt(t *testing.T, bin string) {
	t.Helper()
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
	for dir := bin; dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode()&0o001 == 0 {
			_ = os.Chmod(dir, 0o755)
		}
	}
}

// Mail servers that connect while a new program takes over only wait: none is refused, and what was acknowledged is
// in the queue.
func TestNewProgramTakesMailOver(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"alone": {"lmtp"}, "beside runners": {"run", "VirginRunner"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := filepath.Join(t.TempDir(), "mmrunner")
			installAt(t, bin)
			in := underMailman(t, "QRUNNERS = []")
			socket := filepath.Join(in.prefix, "data", "s", "lmtp")
			flag := map[string]string{"lmtp": "--listen=", "run": "--lmtp="}[args[0]]
			cmd := exec.Command(bin, append(args, "-u", "--socketmap=none", flag+socket, "--prefix", in.prefix)...)
			systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(in.prefix, "data", "notify"), Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer systemd.Close()
			if err := os.Chmod(systemd.LocalAddr().String(), 0o666); err != nil {
				t.Fatal(err)
			}
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+systemd.LocalAddr().String())
			var said strings.Builder
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				if t.Failed() {
					t.Logf("it said: %s", &said)
				}
			})
			taking := fmt.Sprintf("mmrunner takes mail on [%s]", socket)
			in.until("the server", func() bool { return len(in.pids(taking)) == 1 })

			// A mail server that never rests.
			taken, stop, ended := 0, make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						ended <- nil
						return
					default:
					}

					conn, err := net.Dial("unix", socket)
					if err != nil {
						ended <- err // refused
						return
					}
					c := smtp.NewClientLMTP(conn)
					if c.SendMail("", []string{"test-bounces"}, strings.NewReader(strings.ReplaceAll(aBounce, "\n", "\r\n"))) == nil {
						taken++
					}
					c.Close()
				}
			}()

			installAt(t, bin)
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			in.until("the new program", func() bool { return len(in.pids(taking)) == 2 })
			time.Sleep(100 * time.Millisecond) // some mail for it
			close(stop)
			if err := <-ended; err != nil {
				t.Errorf("a connection was refused: %v", err)
			}
			if pids := in.pids(taking); pids[0] != pids[1] {
				t.Errorf("got processes %v, need one", pids)
			}

			// systemd ends a service that says that it stops.
			_ = systemd.SetReadDeadline(time.Now().Add(10 * time.Second))
			for n := range 2 {
				state := make([]byte, 100)
				length, err := systemd.Read(state)
				if err != nil || string(state[:length]) != "READY=1" {
					t.Errorf("notification %d: got %q, %v, need READY=1", n+1, state[:length], err)
				}
			}

			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			queued, _ := filepath.Glob(filepath.Join(in.prefix, "qfiles", "bounces", "*.pck"))
			if len(queued) != taken || taken == 0 {
				t.Errorf("got %d entries for %d messages that were acknowledged", len(queued), taken)
			}
			if _, err := os.Lstat(socket); err == nil {
				t.Error("the socket is still there after the end")
			}
		})
	}
}
