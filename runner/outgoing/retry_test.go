package outgoing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/outgoing"
)

// drainAt is drain at another time.
func drainAt(t *testing.T, st *site.Site, now time.Time) (stats engine.Stats) {
	t.Helper()
	env, engines := open(t, st, outgoing.Options{})
	defer env.Log.Close()
	env.Now = func() time.Time { return now }
	for i, e := range engines {
		s, err := e.Drain(t.Context())
		if err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}

		if i == 0 {
			stats = s
		}
	}

	return stats
}

// giveBack puts what is in the retry queue into the queue out, as RetryRunner does each
// quarter of an hour.
func giveBack(t *testing.T, st *site.Site) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(st.QueueDir("retry"), "*.pck"))
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range files {
		if err := os.Rename(f, filepath.Join(st.QueueDir("out"), filepath.Base(f))); err != nil {
			t.Fatal(err)
		}
	}
}

// A server that is not there for an hour: messages wait in the queue until their time
// has come, nothing is tried meanwhile, and all get through once it is back.
func TestServerIsNotThereForAnHour(t *testing.T) {
	t.Parallel()
	gone := newServer(t)
	gone.ln.Close()
	st := demoSite(t, gone, 3, nil)
	start := time.Now()
	drainAt(t, st, start)
	wantAddrs(t, "in the retry queue", retried(t, st), everybody)
	tried := readLog(t, st, "smtp-failure")

	for _, after := range []time.Duration{15 * time.Minute, 59 * time.Minute} {
		giveBack(t, st)
		stats := drainAt(t, st, start.Add(after))
		if stats.Outcomes[runner.Kept] != 3 || stats.Outcomes[runner.Delivered] != 0 {
			t.Errorf("after %v: got %v, need 3 kept", after, stats.Outcomes)
		}

		if waits, _ := filepath.Glob(filepath.Join(st.QueueDir("out"), "*.pck")); len(waits) != 3 {
			t.Errorf("after %v: got %v in the queue, need 3 entries", after, waits)
		}
	}

	if log := readLog(t, st, "smtp-failure"); log != tried {
		t.Errorf("got more in smtp-failure before the hour was over:\n%s", strings.TrimPrefix(log, tried))
	}

	back := newServer(t)
	st.Profile.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(back.port())}
	drainAt(t, st, start.Add(time.Hour+time.Minute))
	wantAddrs(t, "given to the server", back.recipients(), everybody)
	wantAddrs(t, "in the retry queue", retried(t, st), nil)
	empty(t, st)
}

// A server that is never there again: a message is tried for DELIVERY_RETRY_PERIOD, and
// given up at the first attempt after it.
func TestServerNeverComesBack(t *testing.T) {
	t.Parallel()
	gone := newServer(t)
	gone.ln.Close()
	st := demoSite(t, gone, 3, nil)
	start := time.Now()
	drainAt(t, st, start)
	const period = 5 * 24 * time.Hour

	for _, after := range []time.Duration{2 * time.Hour, period - time.Minute, period + 2*time.Hour} {
		wantAddrs(t, fmt.Sprintf("in the retry queue before the attempt after %v", after), retried(t, st), everybody)
		giveBack(t, st)
		drainAt(t, st, start.Add(after))
	}

	wantAddrs(t, "in the retry queue after the period", retried(t, st), nil)
	empty(t, st)
}

// Whatever is wrong with the server: queues, logs and lists are left as Mailman's
// OutgoingRunner leaves them.
func TestBrokenServerAsMailman(t *testing.T) {
	t.Parallel()
	on := func(answer, begins, within string) func(string) string {
		return func(command string) string {
			if strings.HasPrefix(command, begins) && strings.Contains(command, within) {
				return answer
			}
			return usual(command)
		}
	}

	prefix := mmtest.Clone(t)
	mmtest.RunPython(t, prefix, "SEED, COUNT = 6, 40\n"+fillProgram)
	before := t.TempDir()
	copyDirs(t, prefix, before)
	for _, fault := range []struct {
		name   string
		answer func(string) string
		end    func(string) string
	}{
		{"is not there", nil, nil},
		{"closes each session", on("close", "CONNECT", ""), nil},
		{"closes at a recipient", on("close", "rcpt", "user1@"), nil},
		{"closes within DATA", on("close", "LINE", "long"), nil},
		{"closes after DATA", usual, on("close", "", "Gr")},
		{"defers DATA", on("452 4.3.1 full", "data", ""), nil},
		{"speaks 8-bit", on("450 sp\xe4ter \xe2\x82\xac", "rcpt", "user"), nil},
		{"offers nothing", on("502 5.5.1 what", "ehlo", ""), nil},
		{"ends with 421", on("421 4.3.2 down", "rcpt", "user2@"), nil},
	} {
		s := newServer(t)
		s.answers(fault.answer, fault.end)
		if fault.answer == nil {
			s.ln.Close()
		}
		settings(t, prefix, s.settings())

		copyDirs(t, before, prefix)
		mmtest.Drain(t, prefix, "OutgoingRunner", "out")
		want := dump(t, prefix, s)
		copyDirs(t, before, prefix)
		drain(t, openSite(t, prefix), outgoing.Options{})

		if diff := cmp.Diff(want, dump(t, prefix, s)); diff != "" {
			t.Errorf("a server that %s (- Mailman, + mmrunner):\n%.5000s", fault.name, diff)
		}
	}
}
