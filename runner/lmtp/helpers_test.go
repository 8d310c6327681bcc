package lmtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// testSite makes a site in a directory of its own, with the site list and lists
// whose host_name follows their name after an @.
func testSite(t testing.TB, lists ...string) *site.Site {
	t.Helper()
	dir := t.TempDir()
	s := site.FromProfile(dir, site.Builtin())

	for _, d := range []string{"qfiles", "data", "logs", "locks"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o775); err != nil {
			t.Fatal(err)
		}
	}

	for _, list := range append([]string{"mailman"}, lists...) {
		makeList(t, s, list)
	}
	return s
}

func makeList(t testing.TB, s *site.Site, list string) {
	t.Helper()
	name, host, _ := strings.Cut(list, "@")
	d := pickle.NewDict()
	d.SetStr("host_name", pickle.Str(host))
	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	dir := filepath.Join(s.ListDataDir(), name)
	if err := errors.Join(os.MkdirAll(dir, 0o775), os.WriteFile(filepath.Join(dir, "config.pck"), b, 0o660)); err != nil {
		t.Fatal(err)
	}
}

// lines collects the lines of a log.
type lines chan string

func (l lines) Printf(log, format string, a ...any) {
	select {
	case l <- fmt.Sprintf(format, a...):
	default:
	}
}

// start has a server of a site listen on a Unix socket, whose address it returns.
func start(t testing.TB, s *site.Site, o Options) (srv *Server, address string) {
	t.Helper()
	if o.Log == nil {
		o.Log = lines(make(chan string, 100))
	}

	srv, err := New(s, o)
	if err != nil {
		t.Fatal(err)
	}

	address = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
		if err := errors.Join(<-done, srv.Close()); err != nil {
			t.Error(err)
		}
	})

	return srv, address
}

// client speaks LMTP byte by byte as a test wants it.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	c, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { c.Close() })
	cl := newClient(t, c)
	cl.expect("220")
	cl.send("LHLO test\r\n", "250")
	return cl
}

func newClient(t testing.TB, c net.Conn) *client { return &client{t, c, bufio.NewReader(c)} }

// expect reads a whole reply and returns it. It must begin with want.
func (c *client) expect(want string) string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("reply %q, then %v, want %s", all.String()+line, err, want)
		}

		all.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			break
		}
	}

	if !strings.HasPrefix(all.String(), want) {
		c.t.Fatalf("reply %q, want %s", all.String(), want)
	}

	return all.String()
}

// send writes text and expects a reply for each of wants.
func (c *client) send(text string, wants ...string) (last string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
	for _, want := range wants {
		last = c.expect(want)
	}
	return last
}

// message sends one message to recipients that are taken.
func (c *client) message(sender, data string, recipients ...string) (answers []string) {
	c.t.Helper()
	c.send("MAIL FROM:<"+sender+">\r\n", "250")
	for _, r := range recipients {
		c.send("RCPT TO:<"+r+">\r\n", "250")
	}
	c.send("DATA\r\n", "354")

	if _, err := c.Write([]byte(data + "\r\n.\r\n")); err != nil {
		c.t.Fatal(err)
	}

	for range recipients {
		answers = append(answers, c.expect("250"))
	}
	return answers
}

// queued returns the entries of a queue, oldest first, and takes them out. It waits
// until those that were acknowledged have their names.
func queued(t testing.TB, s *site.Site, queue string) []*qfile.Item {
	t.Helper()
	waitFor(t, "no entry is under a temporary name", func() bool {
		unnamed, err := filepath.Glob(filepath.Join(s.QueueDir(queue), "*.tmp"))
		return err == nil && len(unnamed) == 0
	})

	q, err := qfile.Open(s.QueueDir(queue), 0, 1, qfile.Options{})
	if err != nil {
		t.Fatal(err)
	}

	bases, err := q.Files(qfile.Waiting)
	if err != nil {
		t.Fatal(err)
	}

	var items []*qfile.Item
	for _, base := range bases {
		it, err := q.Read(base, qfile.Waiting)
		if err != nil {
			t.Fatal(err)
		}

		items = append(items, it)
		if err := os.Remove(q.Path(base, qfile.Waiting)); err != nil {
			t.Fatal(err)
		}
	}

	left, err := os.ReadDir(s.QueueDir(queue))
	if err != nil || len(left) > 0 {
		t.Errorf("queue %s holds %v, %v", queue, left, err)
	}

	return items
}

// body is an entry's text without the lines that the server put before it.
func body(it *qfile.Item) string {
	text := string(it.Message.(pickle.Str))
	if at := strings.Index(text, "Delivered-To: "); at >= 0 {
		_, text, _ = strings.Cut(text[at:], "\n")
	}
	return text
}
