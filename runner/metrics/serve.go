package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// grace is how long a request at hand may take when the server ends.
const grace = 2 * time.Second

// A client of the port must not use up what the runner needs for mail: file descriptors above all.
const (
	maxConnections = 16       // further ones wait until one of them ends
	maxHeader      = 16 << 10 // bytes; Prometheus sends some hundred
	headerTime     = 5 * time.Second
	requestTime    = 15 * time.Second // to read the request, and to write the answer
	idleTime       = 30 * time.Second // between two requests of a connection; Prometheus asks every 15 s or more
)

// Serve answers at /metrics on addr, HOST:PORT, until ctx ends; without a host
// only this machine can ask. It returns the address that it listens on. The
// error is for an address that cannot be had.
func (m *Metrics) Serve(ctx context.Context, addr string) (bound string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("got --metrics-addr %q (%w), need HOST:PORT or :PORT", addr, err)
	}

	if host == "" {
		host = "localhost"
	}

	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))

	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
	}

	go func() {
		<-ctx.Done()
		// A request is no reason to keep a runner that was told to stop.
		late, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()

		if server.Shutdown(late) != nil {
			server.Close()
		}
	}()

	go func() {
		if err := server.Serve(netutil.LimitListener(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			server.Close()
		}
	}()

	return l.Addr().String(), nil
}
