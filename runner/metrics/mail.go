package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mmrunner/mmrunner/runner/lmtp"
)

var (
	mailQueued = prometheus.NewDesc("mmrunner_lmtp_queued_total",
		"Recipients whose message was put into a queue.", []string{"queue"}, nil)
	mailRefused = prometheus.NewDesc("mmrunner_lmtp_refused_total",
		"Recipients whose message was not taken, by the answer.", []string{"answer"}, nil)
	mailConnections = prometheus.NewDesc("mmrunner_lmtp_connections_total", "Connections that were accepted.", nil, nil)
	mailOpen        = prometheus.NewDesc("mmrunner_lmtp_open_connections", "Connections that are open.", nil, nil)
)

// Mail adds what an LMTP server of this process has done.
func (m *Metrics) Mail(s *lmtp.Server) { m.registry.MustRegister(mailCollector{s}) }

// mailCollector asks a server when it is asked.
type mailCollector struct{ server *lmtp.Server }

// Describe implements prometheus.Collector.
func (c mailCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- mailQueued
	ch <- mailRefused
	ch <- mailConnections
	ch <- mailOpen
}

// Collect implements prometheus.Collector.
func (c mailCollector) Collect(ch chan<- prometheus.Metric) {
	now := c.server.Counts()
	for queue, n := range now.Queued {
		ch <- prometheus.MustNewConstMetric(mailQueued, prometheus.CounterValue, float64(n), queue)
	}
	for answer, n := range now.Refused {
		ch <- prometheus.MustNewConstMetric(mailRefused, prometheus.CounterValue, float64(n), answer)
	}
	ch <- prometheus.MustNewConstMetric(mailConnections, prometheus.CounterValue, float64(now.Connections))
	ch <- prometheus.MustNewConstMetric(mailOpen, prometheus.GaugeValue, float64(now.Open))
}
