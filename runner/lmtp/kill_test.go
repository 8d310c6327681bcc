package lmtp

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// serverOf makes this test binary a server for the site in that directory.
const serverOf = "MMRUNNER_TEST_LMTP_SITE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverOf); dir != "" {
		s := site.FromProfile(dir, site.Builtin())
		srv, err := New(s, Options{})
		for errors.Is(err, ErrTaken) {
			time.Sleep(time.Millisecond)
			srv, err = New(s, Options{})
		}

		if err == nil {
			var l net.Listener
			if l, err = Listen(filepath.Join(dir, "door", "s")); err == nil {
				err = srv.Serve(l)
			}
		}

		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	if dir := os.Getenv(activated); dir != "" {
		if err := runActivated(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}

	os.Exit(m.Run())
}

// Killed again and again under load, a server loses no message that it has
// acknowledged, and queues none of them twice.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	kills := 10
	if n, err := strconv.Atoi(os.Getenv("MMRUNNER_LMTP_KILLS")); err == nil {
		kills = n
	}

	s := testSite(t, "one")
	address := filepath.Join(s.Prefix, "door", "s")
	var (
		mu           sync.Mutex
		acknowledged = map[string]bool{}
		sent         int
		wg           sync.WaitGroup
	)

	stop := make(chan struct{})
	for client := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}

				c, err := net.Dial("unix", address)
				if err != nil {
					time.Sleep(time.Millisecond)
					continue
				}

				for r := bufio.NewReader(c); ; n++ {
					id := fmt.Sprintf("%d-%d", client, n)
					mu.Lock()
					sent++
					mu.Unlock()
					if !sendNoted(c, r, id) {
						break
					}

					mu.Lock()
					acknowledged[id] = true
					mu.Unlock()

					select {
					case <-stop:
						c.Close()
						return
					default:
					}
				}

				c.Close()
			}
		})
	}

	for i := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serverOf+"="+s.Prefix)

		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		// Each server dies with some work done, however slow the machine is.
		mu.Lock()
		before := len(acknowledged)
		mu.Unlock()

		waitFor(t, "a message is acknowledged", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(acknowledged) > before
		})

		time.Sleep(time.Duration(i*37%150) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}

		_ = cmd.Wait()
	}

	close(stop)
	wg.Wait()

	// uninstall settles what the last one has left.
	if err := Settle(s); err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, it := range queued(t, s, "bounces") {
		_, id, ok := strings.Cut(body(it), "Subject: ")
		if !ok || !strings.HasSuffix(id, "\nend\n") {
			t.Errorf("an entry is not whole: %q", body(it))
		}
		times[strings.TrimSuffix(id, "\n\nend\n")]++
	}

	for id := range acknowledged {
		if times[id] != 1 {
			t.Errorf("message %s was acknowledged and is queued %d times", id, times[id])
		}
	}

	if len(acknowledged) < kills {
		t.Errorf("only %d messages were acknowledged", len(acknowledged))
	}

	t.Logf("%d kills, %d messages sent, %d acknowledged, %d queued", kills, sent, len(acknowledged), len(times))
}

// sendNoted sends one message and tells whether it was acknowledged.
func sendNoted(c net.Conn, r *bufio.Reader, id string) bool {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, "LHLO t\r\nMAIL FROM:<>\r\nRCPT TO:<one-bounces>\r\nDATA\r\n"); err != nil {
		return false
	}

	for {
		line, err := r.ReadString('\n')
		if err != nil || line[0] >= '4' {
			return false
		}
		if strings.HasPrefix(line, "354") {
			break
		}
	}

	if _, err := fmt.Fprintf(c, "Subject: %s\r\n\r\nend\r\n.\r\n", id); err != nil {
		return false
	}
	line, err := r.ReadString('\n')
	return err == nil && strings.HasPrefix(line, "250")
}
