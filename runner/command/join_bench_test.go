package command_test

import (
	"fmt"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// BenchmarkJoin has 1,000 addresses join lists of several sizes at once, without
// confirmation and with a message of welcome, and reports what one takes.
func BenchmarkJoin(b *testing.B) {
	const joins = 1000
	for _, members := range []int{300, 3000, 4900, 6000, 50_000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			prefix := mmtest.Clone(b)
			mmtest.MakeLists(b, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "join", Python: fmt.Sprintf(`
m.subscribe_policy = 0
for i in xrange(%d):
    m.addNewMember('member%%06d@host%%03d.example.net' %% (i, i %% 500), password='pw%%06d' %% i, digest=0, language='en')
`, members)})

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
			n := 0
			for range b.N {
				b.StopTimer()
				for range joins {
					data := qfile.NewData()
					data.Set("listname", pickle.Str("join"))
					data.Set("torequest", 1)
					data.Set("_plaintext", 1)
					text := fmt.Sprintf("From: new%d@example.org\nTo: join-request@lists.example.com\nSubject: subscribe\nMessage-ID: <%[1]d@example.org>\n\n", n)
					if _, err := e.Queue.Enqueue(pickle.Str(text), data); err != nil {
						b.Fatal(err)
					}

					n++
				}

				b.StartTimer()
				if _, err := e.Drain(b.Context()); err != nil {
					b.Fatal(err)
				}
			}

			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*joins), "ms/join")
		})
	}
}
