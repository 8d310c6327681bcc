// Package metrics serves a running mmrunner's counts to Prometheus:
// entries by what became of them, the size and time of commits, list locks, and
// the queues as they are when asked. Nothing in it names a member or a list.
package metrics

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mmrunner/mmrunner/runner/history"
)

// Metrics are the counts of one process. Its methods may be called by several
// goroutines.
type Metrics struct {
	registry *prometheus.Registry
	entries  *prometheus.CounterVec
	size     *prometheus.HistogramVec
	commit   *prometheus.HistogramVec
	held     *prometheus.HistogramVec
	waited   *prometheus.HistogramVec
	shadow   *prometheus.GaugeVec
}

// New makes the metrics of a process of that version. queues are the directories
// to look at when asked, by their usual names.
func New(queues map[string]string, version string) *Metrics {
	byRunner := []string{"runner"}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mmrunner_" + name, Help: help, Buckets: buckets}, byRunner)
	}
	seconds := prometheus.ExponentialBuckets(0.001, 2, 18) // to 131 s
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mmrunner_entries_total",
			Help: "Queue entries handled, by what became of them."}, []string{"runner", "outcome"}),
		size:   histogram("batch_entries", "Entries that one commit took.", prometheus.ExponentialBuckets(1, 4, 8)),
		commit: histogram("commit_seconds", "Time of a commit, from claiming its entries to removing them.", seconds),
		held:   histogram("lock_held_seconds", "For how long a commit held its list locks.", seconds),
		waited: histogram("lock_wait_seconds", "For how long a commit waited for its list locks.", seconds),
		shadow: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "mmrunner_shadow",
			Help: "Totals of a shadow: entries, agreed, differences, vanished, and seconds of both sides."}, []string{"total"}),
	}

	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "mmrunner_build_info",
		Help: "Always 1; the label tells the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(build, m.entries, m.size, m.commit, m.held, m.waited, m.shadow, queueCollector(queues),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts a commit, or the entries that were dealt with otherwise.
func (m *Metrics) Observe(c history.Commit) {
	for outcome, n := range c.Outcomes {
		m.entries.WithLabelValues(c.Runner, outcome).Add(float64(n))
	}
	m.size.WithLabelValues(c.Runner).Observe(float64(c.Entries))
	m.commit.WithLabelValues(c.Runner).Observe(c.Seconds)
	m.held.WithLabelValues(c.Runner).Observe(c.Held)
	m.waited.WithLabelValues(c.Runner).Observe(c.Waited)
}

// Shadow sets one of a shadow's totals, e.g. "differences".
func (m *Metrics) Shadow(total string, v float64) { m.shadow.WithLabelValues(total).Set(v) }

// queueCollector looks at queue directories when it is asked.
type queueCollector map[string]string

var (
	queueLength = prometheus.NewDesc("mmrunner_queue_entries", "Entries that wait in a queue.", []string{"queue"}, nil)
	queueAge    = prometheus.NewDesc("mmrunner_queue_oldest_seconds", "Age of the oldest entry that waits in a queue, 0 if none does.", []string{"queue"}, nil)
)

// Describe implements prometheus.Collector.
func (q queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueLength
	ch <- queueAge
}

// Collect implements prometheus.Collector.
func (q queueCollector) Collect(ch chan<- prometheus.Metric) {
	for name, dir := range q {
		n, oldest, err := look(dir)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(queueLength, err)
			continue
		}

		age := 0.0
		if n > 0 {
			age = max(0, float64(time.Now().UnixMicro())/1e6-oldest)
		}

		ch <- prometheus.MustNewConstMetric(queueLength, prometheus.GaugeValue, float64(n), name)
		ch <- prometheus.MustNewConstMetric(queueAge, prometheus.GaugeValue, age, name)
	}
}

// look counts a queue's waiting entries, and finds when the oldest was received,
// which its name begins with. A queue that is not there is empty.
func look(dir string) (n int, oldest float64, err error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0, 0, err
	}

	for _, name := range names {
		when, _, ok := strings.Cut(name, "+")
		t, err := strconv.ParseFloat(when, 64)
		if !ok || err != nil || filepath.Ext(name) != ".pck" {
			continue
		}

		if n == 0 || t < oldest {
			oldest = t
		}

		n++
	}

	return n, oldest, nil
}
