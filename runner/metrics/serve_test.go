package metrics

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// descriptors is how many files this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("the open files cannot be counted here: %v", err)
	}
	return len(names)
}

// Connections that a client leaves open take no more than a few descriptors, and a later client is
// answered.
func TestIdleConnectionsTakeFewDescriptors(t *testing.T) {
	addr, err := New(map[string]string{}, "").Serve(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}

	const many = 300
	before := descriptors(t)
	var idle []net.Conn
	for range many {
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}

	// The first is answered once the server has accepted what it accepts of those before the answer.
	if _, err := io.WriteString(idle[0], "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}

	answer := make([]byte, 12)
	if _, err := io.ReadFull(idle[0], answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Fatalf("got %q, %v", answer, err)
	}

	// A few are the runtime's and the test's own.
	if got := descriptors(t) - before - many; got > maxConnections+8 {
		t.Errorf("%d idle connections took %d descriptors, need at most %d", many, got, maxConnections)
	}

	for _, c := range idle {
		c.Close()
	}
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("got status %d, %v:\n%s", resp.StatusCode, err, body)
	}
}

// A header of more bytes than any request of a monitor has is not read to its end.
func TestOversizedHeaderIsRefused(t *testing.T) {
	addr, err := New(map[string]string{}, "").Serve(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}

	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
	answer := make([]byte, 12)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 431" {
		t.Errorf("got %q, %v, need status 431", answer, err)
	}
}
