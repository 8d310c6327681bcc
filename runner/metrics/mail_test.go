package metrics

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// What an LMTP server has taken and refused can be read while it runs.
func TestMailIsCounted(t *testing.T) {
	dir := t.TempDir()
	s := site.FromProfile(dir, site.Builtin())
	for _, d := range []string{"lists/mailman", "lists/one", "data", "qfiles", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, list := range []string{"mailman", "one"} {
		if err := os.WriteFile(filepath.Join(dir, "lists", list, "config.pck"), []byte("}."), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	srv, err := lmtp.New(s, lmtp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := lmtp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
		<-done
		srv.Close()
	})

	m := New(nil, "1")
	m.Mail(srv)
	addr, err := m.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := smtp.NewClientLMTP(conn)
	defer client.Close()
	for _, to := range []string{"one-bounces", "one-bounces", "one-request", "none"} {
		if err := client.Mail("", nil); err != nil {
			t.Fatal(err)
		}
		if err := client.Rcpt(to+"@"+s.Str("DEFAULT_EMAIL_HOST"), nil); err != nil {
			if to != "none" {
				t.Fatal(err)
			}
			continue
		}

		w, err := client.Data()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "Subject: s\n\n"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}

	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{
		`mmrunner_lmtp_queued_total{queue="bounces"} 2`, `mmrunner_lmtp_queued_total{queue="commands"} 1`,
		`mmrunner_lmtp_refused_total{answer="550"} 1`, `mmrunner_lmtp_connections_total 1`, `mmrunner_lmtp_open_connections 1`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("got no line %s in:\n%s", want, b)
		}
	}
}
