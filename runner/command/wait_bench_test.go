package command_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// BenchmarkLockWait has a Python process load a list of 138,000 members and take
// its lock through Mailman's LockFile, b.N times, while the command runner always
// has commands for it, and reports for how long it waited.
func BenchmarkLockWait(b *testing.B) {
	prefix := mmtest.Clone(b)
	mmtest.MakeLists(b, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "big", Python: `
m.subscribe_policy = 0
m.send_welcome_msg = 0
for i in xrange(138000):
    m.addNewMember('member%06d@host%03d.example.net' % (i, i % 500), password='pw%06d' % i, digest=0, language='en')
`})

	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		b.Fatal(err)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, command.New(membership.NewServices(s)), 0, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	ctx, stop := context.WithCancel(context.Background())
	commands := 0
	feed := func(context.Context, time.Duration) {
		// More than come while a batch is worked on.
		for range 200 {
			data := qfile.NewData()
			data.Set("listname", pickle.Str("big"))
			data.Set("torequest", 1)
			data.Set("_plaintext", 1)
			text := fmt.Sprintf("From: new%d@example.org\nTo: big-request@lists.example.com\nSubject: subscribe\nMessage-ID: <%[1]d@example.org>\n\n", commands)
			if _, err := e.Queue.Enqueue(pickle.Str(text), data); err != nil {
				b.Error(err)
			}

			commands++
		}
	}

	done := make(chan error)
	loop := &engine.Loop{Engines: []*engine.Engine{e}, Locks: engine.NewFairLocks(env, engine.DefaultLockShare), Wait: feed}
	go func() { done <- loop.Run(ctx) }()
	b.ResetTimer()

	out := mmtest.RunPython(b, prefix, `
import time
from Mailman import MailList
for i in xrange(int(sys.argv[1])):
    m = MailList.MailList('big', lock=0)
    lock = m._MailList__lock
    start = time.time()
    lock.lock()
    print time.time() - start
    lock.unlock()
`, strconv.Itoa(b.N))

	b.StopTimer()
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}

	var waits []float64
	for _, line := range strings.Fields(string(out)) {
		w, err := strconv.ParseFloat(line, 64)
		if err != nil {
			b.Fatal(err)
		}
		waits = append(waits, w)
	}

	slices.Sort(waits)
	b.ReportMetric(waits[len(waits)/2], "s-median")
	b.ReportMetric(waits[len(waits)-1], "s-longest")
	b.ReportMetric(float64(commands)/b.Elapsed().Seconds(), "commands/s")
}
