package bench

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mmrunner/mmrunner/runner/demo"
)

// BenchmarkEvents measures what it costs to record the events of a batch of 5,000
// bounces on a list of 138,000 members. Each round handles copies of one site with and
// without events, every second round the other way round, since what runs later may
// find the machine in another state. events-% is the mean of the rounds' differences in
// processor time, and ±% its standard error.
// Rounds differ by 10% on a quiet machine, so it takes 100 of them, -benchtime 100x, to
// tell a difference of 1%. TMPDIR in memory makes them shorter.
func BenchmarkEvents(b *testing.B) {
	site := b.TempDir()
	if _, _, err := demo.Make(site, demo.Options{Members: 138_000, Bounces: 5000, Commands: 1, Now: time.Now()}); err != nil {
		b.Fatal(err)
	}

	var differences, without []float64
	for n := 0; b.Loop(); n++ {
		var cpu [2]float64 // without and with events
		for i := range cpu {
			on := (n + i) % 2
			cpu[on] = timeOfBatch(b, site, on == 1)
		}

		differences = append(differences, 100*(cpu[1]-cpu[0])/cpu[0])
		without = append(without, cpu[0])
	}

	slices.Sort(without)
	mean, deviation := spread(differences)
	b.ReportMetric(mean, "events-%")
	b.ReportMetric(deviation/math.Sqrt(float64(len(differences))), "±%")
	b.ReportMetric(without[len(without)/2]*1000, "batch-cpu-ms")
}

// timeOfBatch is the processor time of the batch that waits on a copy of a site, in
// seconds.
func timeOfBatch(b *testing.B, site string, record bool) float64 {
	b.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(site), "")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(site)); err != nil {
		b.Fatal(err)
	}

	// What the batch before has left in memory is not this one's.
	runtime.GC()
	before := processorTime(b)
	d, err := drainWith(dir, "BounceRunner", record)
	if err != nil {
		b.Fatal(err)
	}
	took := processorTime(b) - before

	if d.Stats.Entries < 5000 {
		b.Fatalf("got %d entries, need 5,000", d.Stats.Entries)
	}
	return took
}

// processorTime returns this process's processor time in seconds.
func processorTime(b *testing.B) float64 {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// spread returns the mean of some numbers and their standard deviation.
func spread(all []float64) (mean, deviation float64) {
	for _, v := range all {
		mean += v / float64(len(all))
	}
	for _, v := range all {
		deviation += (v - mean) * (v - mean) / float64(len(all))
	}
	return mean, math.Sqrt(deviation)
}
