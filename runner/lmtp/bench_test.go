package lmtp

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// sampleBounce is a bounce of usual size.
var sampleBounce = "From: MAILER-DAEMON@example.net\r\nTo: one-bounces@lists.example.com\r\nSubject: Undelivered Mail\r\n\r\n" +
	strings.Repeat("The mail could not be delivered, and this line is here to make up the usual length.\r\n", 50)

// cpuTime is the processor time of this process, in seconds.
func cpuTime(b *testing.B) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkIntake receives bounces on some connections at once, client included.
func BenchmarkIntake(b *testing.B) {
	for _, connections := range []int{1, 2, 8, 32} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			s := testSite(b, "one")
			_, address := start(b, s, Options{})
			var left atomic.Int64
			left.Store(int64(b.N))
			var clients []*client
			for range connections {
				clients = append(clients, dial(b, address))
			}
			cpu := cpuTime(b)
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, c := range clients {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						c.send("MAIL FROM:<>\r\nRCPT TO:<one-bounces+user=example.net>\r\nDATA\r\n", "250", "250", "354")
						c.send(sampleBounce+".\r\n", "250")
					}
				})
			}

			wg.Wait()
			b.StopTimer()
			b.ReportMetric((cpuTime(b)-cpu)*1e3/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
