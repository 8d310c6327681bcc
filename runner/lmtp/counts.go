package lmtp

import (
	"maps"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// counts count what a server does.
type counts struct {
	connections atomic.Int64

	mu      sync.Mutex
	queued  map[string]int64 // by queue
	answers map[int]int64    // recipients that were not taken, by answer
}

func (c *counts) accepted(queue string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queued == nil {
		c.queued = map[string]int64{}
	}
	c.queued[queue]++
}

func (c *counts) refused(code, recipients int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers = map[int]int64{}
	}
	c.answers[code] += int64(recipients)
}

// Counts are those of a server at one moment.
type Counts struct {
	At          time.Time        `json:"at"`
	Since       time.Time        `json:"since"` // the server began
	Host        string           `json:"host"`
	PID         int              `json:"pid"`
	Addresses   []string         `json:"addresses"` // that it takes mail on
	Open        int              `json:"open_connections"`
	Connections int64            `json:"connections"`
	Queued      map[string]int64 `json:"queued"`  // recipients, by queue; "loop" for the mailbox
	Refused     map[string]int64 `json:"refused"` // recipients, by answer: "550", "451", ...
}

// Counts returns what the server has done.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	c := Counts{Open: len(s.wires), Addresses: []string{}}
	for _, l := range s.listeners {
		c.Addresses = append(c.Addresses, l.Addr().String())
	}
	s.mu.Unlock()
	c.At, c.Since, c.Host, c.PID = time.Now(), s.began, s.host, os.Getpid()
	c.Connections = s.count.connections.Load()
	s.count.mu.Lock()
	defer s.count.mu.Unlock()
	c.Queued, c.Refused = map[string]int64{}, map[string]int64{}
	maps.Copy(c.Queued, s.count.queued)
	for k, n := range s.count.answers {
		c.Refused[strconv.Itoa(k)] = n
	}

	return c
}
