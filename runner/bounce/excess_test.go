package bounce_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExcessIsShunted is about mail that was made to keep a runner busy, and that
// Mailman would need days or a disk of its own for.
func TestExcessIsShunted(t *testing.T) {
	fields := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Final-Recipient: rfc822; a%d@b\n", i)
		}
		return b.String()
	}

	blocks := func(n int) string {
		var b strings.Builder
		b.WriteString("Content-Type: message/delivery-status\n\n")
		b.WriteString("Action: failed\nFinal-Recipient: rfc822; user0@example.net\n\n")
		for i := range n - 1 {
			fmt.Fprintf(&b, "Action: failed\nFinal-Recipient: rfc822; nobody%d@example.net\n\n", i)
		}
		return b.String()
	}

	for _, c := range []struct{ name, text, why string }{
		{"a field", "X-Failed-Recipients: user0@example.net" + strings.Repeat(" ", 600<<10) + ",user1@example.net\n\n", "a bounce with a field of more than 256 KB"},
		{"fields", strings.Repeat("X-Failed-Recipients: user0@example.net\n", 40_000) + "\n", "a bounce with a field of more than 256 KB"},
		{"parts", "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\ntext\n", 100_000), "a bounce of more than 100,000 parts"},
		{"addresses of a report", blocks(50_001), "a bounce for more than 50,000 addresses"},
		{"addresses in a text", "From: a@example.net\n\nYour message\nReporting-MTA: x\nfailed addresses follow:\n" + strings.ReplaceAll(fields(50_001), "Final-Recipient: rfc822; ", "") + "\n", "a bounce for more than 50,000 addresses"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			enqueue(t, s, c.text, nil)
			drainBounces(t, s)
			want := place{Queues: []string{"shunt .pck"}, Errors: []string{"Uncaught runner exception: <why>", "SHUNTING: <entry>"}}
			if diff := cmp.Diff(want, found(t, s)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}

			if log := string(read(t, filepath.Join(s.LogDir(), "error"))); !strings.Contains(log, c.why) {
				t.Errorf("got the error log %q, want it to tell of %s", log, c.why)
			}
		})
	}

	t.Run("nearly as many addresses", func(t *testing.T) {
		s := newSite(t)
		enqueue(t, s, blocks(50_000), nil)
		drainBounces(t, s)
		if diff := cmp.Diff(place{Bounce: registered}, found(t, s)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	})
}
