package outgoing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/outgoing"
)

// demoSite is a site without a Mailman, with a queue of n messages to two recipients
// each, a transaction for each recipient.
func demoSite(t testing.TB, s *server, n int, more map[string]pickle.Value) *site.Site {
	t.Helper()
	st, _, err := demo.Make(t.TempDir(), demo.Options{Members: 20, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	set := func(name string, v pickle.Value) { st.Profile.Settings[name] = site.Setting{Value: v} }
	set("SMTPHOST", pickle.Str("127.0.0.1"))
	set("SMTPPORT", pickle.Int(s.port()))
	set("SMTP_MAX_RCPTS", pickle.Int(1))
	set("SMTP_LOG_EVERY_MESSAGE", pickle.NewTuple(pickle.Str("smtp"), pickle.Str("%(msg_message-id)s for %(#recips)d recips")))
	set("SMTP_LOG_EACH_FAILURE", pickle.NewTuple(pickle.Str("smtp-failure"), pickle.Str("delivery to %(recipient)s failed with code %(failcode)d: %(failmsg)s")))
	for name, v := range more {
		set(name, v)
	}
	q, err := qfile.Open(st.QueueDir("out"), 0, 1, qfile.Options{Schema: st.Profile.QfileSchemaVersion})
	if err != nil {
		t.Fatal(err)
	}

	for i := range n {
		data := qfile.NewData()
		data.Set("listname", demo.ListName)
		data.Set("nodecorate", 1)
		data.Set("received_time", float64(1700000000+i))
		data.Set("recips", pickle.NewList(pickle.Str(fmt.Sprintf("a%d@example.com", i)), pickle.Str(fmt.Sprintf("b%d@example.com", i))))

		if _, err := q.Enqueue(pickle.Str(fmt.Sprintf("From: x@example.com\nMessage-ID: <%d@example.com>\n\ntext %d\n", i, i)), data); err != nil {
			t.Fatal(err)
		}
	}

	return st
}

// recipients are those of what the server was given, sorted, each as often as it was.
func (s *server) recipients() (all []string) {
	for _, text := range s.take() {
		for line := range strings.Lines(text) {
			if line == "\n" {
				break
			}
			if addr, ok := strings.CutPrefix(strings.TrimSpace(line), "rcpt TO:"); ok {
				all = append(all, strings.Trim(addr, "<>"))
			}
		}
	}

	slices.Sort(all)
	return all
}

// retried are the recipients in the retry queue, sorted.
func retried(t testing.TB, st *site.Site) (all []string) {
	t.Helper()
	q, err := qfile.Open(st.QueueDir("retry"), 0, 1, qfile.Options{})
	if err != nil {
		t.Fatal(err)
	}

	bases, err := q.Files(qfile.Waiting)
	if err != nil {
		t.Fatal(err)
	}

	for _, base := range bases {
		it, err := q.Read(base, qfile.Waiting)
		if err != nil {
			t.Fatal(err)
		}

		v, _ := it.Data.Get("recips")
		for _, r := range v.(*pickle.List).Items {
			all = append(all, string(r.(pickle.Str)))
		}
	}

	slices.Sort(all)
	return all
}

func readLog(t testing.TB, st *site.Site, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(st.LogDir(), name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

var everybody = []string{"a0@example.com", "a1@example.com", "a2@example.com", "b0@example.com", "b1@example.com", "b2@example.com"}

func wantAddrs(t testing.TB, what string, had, want []string) {
	t.Helper()
	if !slices.Equal(had, want) {
		t.Errorf("%s: got %v, need %v", what, had, want)
	}
}

// empty says that nothing is left in the queue, or in data/.
func empty(t testing.TB, st *site.Site) {
	t.Helper()
	for _, pattern := range []string{filepath.Join(st.QueueDir("out"), "*"), filepath.Join(st.DataDir(), "mmrunner-delivered-*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("got %v left, need nothing", left)
		}
	}
}

// A server that is not there, hangs at any point of the dialogue, closes the
// connection, or talks nonsense: the recipients at hand are tried again later, the
// log says why, and the others get their mail.
func TestBrokenServer(t *testing.T) {
	t.Parallel()
	on := func(answer, begins, within string) func(string) string {
		return func(command string) string {
			if strings.HasPrefix(command, begins) && strings.Contains(command, within) {
				return answer
			}
			return ""
		}
	}

	for name, test := range map[string]struct {
		answer func(string) string
		end    func(string) string
		given  []string // to the server, in the end
		later  []string
		log    string
	}{
		"hangs at once":         {on("hang", "CONNECT", ""), nil, nil, everybody, "Low level smtp error: Connection unexpectedly closed: timed out"},
		"hangs at EHLO":         {on("hang", "ehlo", ""), nil, nil, everybody, "Low level smtp error: Connection unexpectedly closed: timed out"},
		"hangs at a sender":     {on("hang", "mail", ""), nil, nil, everybody, "Low level smtp error: Connection unexpectedly closed: timed out"},
		"hangs at one":          {on("hang", "rcpt", "a1@"), nil, slices.Delete(slices.Clone(everybody), 1, 2), []string{"a1@example.com"}, "timed out, msgid: <1@example.com>"},
		"closes at one":         {on("close", "rcpt", "b2@"), nil, everybody[:5], []string{"b2@example.com"}, "Connection unexpectedly closed, msgid: <2@example.com>"},
		"closes within DATA":    {on("close", "LINE", "text 0"), nil, []string{"a1@example.com", "a2@example.com", "b1@example.com", "b2@example.com"}, []string{"a0@example.com", "b0@example.com"}, "Connection unexpectedly closed, msgid: <0@example.com>"},
		"closes after DATA":     {nil, on("close", "", "text 1"), []string{"a0@example.com", "a2@example.com", "b0@example.com", "b2@example.com"}, []string{"a1@example.com", "b1@example.com"}, "Connection unexpectedly closed, msgid: <1@example.com>"},
		"hangs after DATA":      {nil, on("hang", "", "text 2"), []string{"a0@example.com", "a1@example.com", "b0@example.com", "b1@example.com"}, []string{"a2@example.com", "b2@example.com"}, "timed out, msgid: <2@example.com>"},
		"defers a sender":       {on("451 busy", "mail", ""), nil, nil, everybody, "SMTP session failure: 451, busy, msgid: <0@example.com>"},
		"has 552 for 452":       {nil, on("552 too much", "", "text 1"), []string{"a0@example.com", "a2@example.com", "b0@example.com", "b2@example.com"}, []string{"a1@example.com", "b1@example.com"}, "SMTP session failure: 552, too much"},
		"refuses a message":     {nil, on("554 spam", "", "text 1"), []string{"a0@example.com", "a2@example.com", "b0@example.com", "b2@example.com"}, nil, "SMTP session failure: 554, spam, msgid: <1@example.com>"},
		"talks nonsense":        {on("hello?", "rcpt", "a0@"), nil, everybody[1:], []string{"a0@example.com"}, "delivery to a0@example.com failed with code -1: o?"},
		"greets with a 421":     {on("421 not now", "CONNECT", ""), nil, everybody, nil, ""},
		"knows no EHLO":         {on("502 what", "ehlo", ""), nil, everybody, nil, ""},
		"knows no HELO":         {on("502 what", "", "elo "), nil, everybody, nil, ""},
		"ends each session":     {on("close", "CONNECT", ""), nil, nil, everybody, "Low level smtp error: Connection unexpectedly closed"},
		"has 8-bit answers":     {on("450 sp\xe4ter", "rcpt", "a0@"), nil, everybody[1:], []string{"a0@example.com"}, "failed with code 450: sp\xe4ter"},
		"speaks of 1,000 lines": {on(strings.Repeat("250-x\r\n", 1000)+"250 ok", "mail", ""), nil, everybody, nil, ""},
		"has a line too long":   {on("250 "+strings.Repeat("x", 9000), "mail", ""), nil, nil, nil, "SMTP session failure: 500, Line too long."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			answer, end := test.answer, test.end
			if answer == nil {
				answer = func(string) string { return "" }
			}

			if end == nil {
				end = func(string) string { return "" }
			}
			s.answers(answer, end)

			st := demoSite(t, s, 3, nil)
			stats := drain(t, st, outgoing.Options{Wait: 300 * time.Millisecond, DataWait: 300 * time.Millisecond})
			if stats.Outcomes[runner.Delivered] != 3 {
				t.Errorf("got %v, need 3 delivered", stats.Outcomes)
			}

			wantAddrs(t, "given to the server", s.recipients(), test.given)
			wantAddrs(t, "in the retry queue", retried(t, st), test.later)
			if log := readLog(t, st, "smtp-failure"); !strings.Contains(log, test.log) || test.log == "" && log != "" {
				t.Errorf("got in smtp-failure:\n%swanted %q", log, test.log)
			}

			empty(t, st)
		})
	}
}

// While the server is not there all goes to the retry queue.
func TestServerIsNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	st := demoSite(t, s, 3, nil)
	s.ln.Close()
	drain(t, st, outgoing.Options{})
	wantAddrs(t, "in the retry queue", retried(t, st), everybody)
	log := readLog(t, st, "smtp-failure")
	if n := strings.Count(log, "Low level smtp error: [Errno 111] Connection refused"); n == 0 {
		t.Errorf("got no line on the connection:\n%s", log)
	}

	empty(t, st)
}

// A connection is kept from one message to the next, ended after as many
// transactions as the site allows, and made anew when the server has ended it; its
// end is said.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	st := demoSite(t, s, 3, nil)
	drain(t, st, outgoing.Options{})

	if s.sessions != 1 || s.quits != 1 {
		t.Errorf("got %d sessions and %d ends, need 1 of each", s.sessions, s.quits)
	}

	s = newServer(t)
	st = demoSite(t, s, 3, map[string]pickle.Value{"SMTP_MAX_SESSIONS_PER_CONNECTION": pickle.Int(2)})
	drain(t, st, outgoing.Options{})

	if s.sessions != 3 || s.quits != 3 {
		t.Errorf("got %d sessions and %d ends, need 3 of each", s.sessions, s.quits)
	}

	s = newServer(t)
	mails := 0
	s.answers(func(command string) string {
		if strings.HasPrefix(command, "mail") {
			if mails++; mails == 3 {
				return "421 4.4.2 idle for too long"
			}
		}
		return ""
	}, nil)

	st = demoSite(t, s, 3, nil)
	drain(t, st, outgoing.Options{})
	wantAddrs(t, "given to the server", s.recipients(), everybody)

	if log := readLog(t, st, "smtp-failure"); log != "" {
		t.Errorf("got in smtp-failure:\n%s", log)
	}
}

// Where the server offers PIPELINING, the envelope comes in one piece, and is
// answered for each recipient.
func TestPipelinedEnvelopeGivesTheSame(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.offers = []string{"PIPELINING", "SIZE"}

	s.answers(func(command string) string {
		if strings.HasPrefix(command, "rcpt") && strings.Contains(command, "a1@") {
			return "450 later"
		}
		return ""
	}, nil)

	st := demoSite(t, s, 3, map[string]pickle.Value{"SMTP_MAX_RCPTS": pickle.Int(10)})
	drain(t, st, outgoing.Options{})
	wantAddrs(t, "given to the server", s.recipients(), slices.Delete(slices.Clone(everybody), 1, 2))
	wantAddrs(t, "in the retry queue", retried(t, st), []string{"a1@example.com"})

	if s.batched == 0 {
		t.Error("got each command alone, need envelopes in one piece")
	}
}

// A process that ends between two transactions leaves the others to the next, which
// gives no recipient a message twice, whether a signal or a crash stops it.
func TestGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash %v", crash), func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			ctx, stop := context.WithCancel(t.Context())
			n := 0
			s.answers(nil, func(string) string {
				if n++; n == 3 {
					stop() // what is at hand is seen through
				}
				return ""
			})

			st := demoSite(t, s, 3, nil)
			env, engines := open(t, st, outgoing.Options{})
			stats, err := engines[0].Drain(ctx)
			if !errors.Is(err, context.Canceled) || stats.Outcomes[runner.Delivered] != 1 {
				t.Errorf("got %v and %v, need 1 delivered and that it was stopped", stats.Outcomes, err)
			}

			if !crash {
				if err := engines[0].Close(); err != nil {
					t.Error(err)
				}
			} else {
				// The file is locked by this process: a dead one's is not.
				releaseMemory(t, st)
			}

			env.Log.Close()
			had := s.recipients()
			if len(had) != 3 {
				t.Errorf("got %v before the stop, need 3 recipients", had)
			}

			drain(t, st, outgoing.Options{})
			all := append(had, s.recipients()...)
			slices.Sort(all)
			wantAddrs(t, "given to the server in all", all, everybody)
			empty(t, st)

			if n := strings.Count(readLog(t, st, "smtp"), "for 2 recips"); n != 3 {
				t.Errorf("got %d messages in the smtp log, need 3", n)
			}
		})
	}
}

// releaseMemory makes the files of what was delivered those of a process that died.
func releaseMemory(t testing.TB, st *site.Site) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(st.DataDir(), "mmrunner-delivered-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v (%v), need one file of what was delivered", files, err)
	}

	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}

	// Torn in its last line, too.
	if err := os.WriteFile(filepath.Join(st.DataDir(), "mmrunner-delivered-host-1-0.jsonl"), append(b, `{"entry":"17`...), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkNotices measures the time of one notice of a list of 138,000 members, from the
// queue to the mail server.
func BenchmarkNotices(b *testing.B) {
	s := newServer(b)
	st, _, err := demo.Make(b.TempDir(), demo.Options{Members: 138_000, Now: time.Now()})
	if err != nil {
		b.Fatal(err)
	}

	st.Profile.Settings["SMTPHOST"] = site.Setting{Value: pickle.Str("127.0.0.1")}
	st.Profile.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(s.port())}
	q, err := qfile.Open(st.QueueDir("out"), 0, 1, qfile.Options{Schema: st.Profile.QfileSchemaVersion})
	if err != nil {
		b.Fatal(err)
	}

	const notices = 500
	for b.Loop() {
		b.StopTimer()
		for i := range notices {
			data := qfile.NewData()
			data.Set("listname", demo.ListName)
			data.Set("nodecorate", 1)
			data.Set("recips", pickle.NewList(pickle.Str(fmt.Sprintf("a%d@example.com", i))))

			if _, err := q.Enqueue(pickle.Str("From: x@example.com\n\ntext\n"), data); err != nil {
				b.Fatal(err)
			}
		}

		b.StartTimer()
		drain(b, st, outgoing.Options{})
	}

	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*notices), "µs/notice")
}
