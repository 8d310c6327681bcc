package metrics

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/runner/history"
)

func TestMetricsAreServed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		fmt.Sprintf("%d.5+aa.pck", time.Now().Unix()-5050), fmt.Sprintf("%d.5+bb.pck", time.Now().Unix()-10),
		"1.0+cc.bak", "1.0+dd.pck.tmp", "foreign.pck",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	m := New(map[string]string{"bounces": dir, "commands": filepath.Join(dir, "missing")}, "1.2.3")
	m.Observe(history.Commit{Runner: "BounceRunner", List: "secretlist", Entries: 7, Outcomes: map[string]int{"registered": 5, "discarded": 2}, Seconds: 0.5, Held: 0.1, Waited: 3})
	m.Shadow("differences", 0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	addr, err := m.Serve(ctx, ":0")
	if err != nil {
		t.Fatal(err)
	}

	if host, _, err := net.SplitHostPort(addr); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("listens on %s, %v, wanted this machine only", addr, err)
	}

	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}

	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{
		`mmrunner_build_info{version="1.2.3"} 1`,
		`mmrunner_entries_total{outcome="registered",runner="BounceRunner"} 5`,
		`mmrunner_entries_total{outcome="discarded",runner="BounceRunner"} 2`,
		`mmrunner_batch_entries_sum{runner="BounceRunner"} 7`,
		`mmrunner_commit_seconds_sum{runner="BounceRunner"} 0.5`,
		`mmrunner_lock_held_seconds_sum{runner="BounceRunner"} 0.1`,
		`mmrunner_lock_wait_seconds_sum{runner="BounceRunner"} 3`,
		`mmrunner_queue_entries{queue="bounces"} 2`,
		`mmrunner_queue_entries{queue="commands"} 0`,
		`mmrunner_queue_oldest_seconds{queue="commands"} 0`,
		`mmrunner_queue_oldest_seconds{queue="bounces"} 50`,
		`mmrunner_shadow{total="differences"} 0`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("wanted %s in:\n%s", want, b)
		}
	}

	if strings.Contains(string(b), "secretlist") {
		t.Error("names a list")
	}
}

func TestBadAddressIsAnError(t *testing.T) {
	for _, addr := range []string{"9100", "localhost:http:1", "[::1"} {
		if _, err := New(nil, "").Serve(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "need HOST:PORT") {
			t.Errorf("%s: got %v, want how an address looks", addr, err)
		}
	}
}
