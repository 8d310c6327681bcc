package lmtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Maps answers a mail server which addresses are lists', by Postfix's socketmap
// protocol (socketmap_table(5)): requests "MAP KEY" and replies, each as a
// netstring. There are two maps. In "lists" each address of a list is found, in
// "transport" it has this server's address. Keys without an @, which Postfix asks
// for too, are never found.
type Maps struct {
	Finder    *Finder
	Transport string // of lists, in Postfix's words: "lmtp:inet:127.0.0.1:8024"
	// Complain is called with what keeps an answer from being given; may be nil.
	Complain func(error)

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

const (
	mapRequest     = 10_000 // bytes of the longest request; Postfix allows 100,000
	mapConnections = 1000
	mapIdle        = 10 * time.Minute // Postfix keeps a connection for a process's life
)

// Serve answers on a listener until Close or until the listener fails.
func (m *Maps) Serve(l net.Listener) error {
	l = netutil.LimitListener(l, mapConnections)
	for {
		c, err := l.Accept()
		if err != nil {
			var passing interface{ Temporary() bool }
			if errors.As(err, &passing) && passing.Temporary() {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}

		if !m.keep(c) {
			c.Close()
			continue
		}

		go func() {
			defer m.drop(c)
			_ = m.answer(c) // its client sees what is wrong with a connection
		}()
	}
}

func (m *Maps) keep(c net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()

	if m.conns == nil {
		m.conns = map[net.Conn]bool{}
	}

	if !m.closed {
		m.conns[c] = true
	}

	return !m.closed
}

func (m *Maps) drop(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, c)
	c.Close()
}

// Close ends all connections. Listeners are the caller's to close.
func (m *Maps) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for c := range m.conns {
		c.Close()
	}
}

// answer replies to a client's requests until it leaves.
func (m *Maps) answer(c net.Conn) error {
	r := bufio.NewReader(c)
	for {
		if err := c.SetDeadline(time.Now().Add(mapIdle)); err != nil {
			return err
		}
		request, err := readNetstring(r)
		if err != nil {
			return err
		}

		reply := m.reply(request)
		if _, err := fmt.Fprintf(c, "%d:%s,", len(reply), reply); err != nil {
			return err
		}
	}
}

func (m *Maps) reply(request string) string {
	name, key, _ := strings.Cut(request, " ")
	if name != "lists" && name != "transport" {
		return "PERM there are the maps lists and transport"
	}
	if at := strings.LastIndexByte(key, '@'); at <= 0 {
		return "NOTFOUND "
	}

	r, err := m.Finder.Find(key)
	switch {
	case errors.Is(err, ErrNoList):
		return "NOTFOUND "
	case err != nil:
		if m.Complain != nil {
			m.Complain(fmt.Errorf("whether %q is a list's cannot be told: %w", key, err))
		}
		return "TEMP lists cannot be looked for now"
	case name == "transport":
		return "OK " + m.Transport
	}

	return "OK " + r.List
}

// readNetstring reads LENGTH:BYTES, with a comma at the end.
func readNetstring(r *bufio.Reader) (string, error) {
	digits := ""
	for {
		c, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == ':' {
			break
		}
		if c < '0' || c > '9' || len(digits) > 5 {
			return "", fmt.Errorf("netstring begins %q, need a length and a colon", digits+string(c))
		}

		digits += string(c)
	}

	n, err := strconv.Atoi(digits)
	if err != nil || n > mapRequest {
		return "", fmt.Errorf("netstring of length %q, need at most %d", digits, mapRequest)
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", err
	}
	if b[n] != ',' {
		return "", fmt.Errorf("netstring ends with %q, need a comma", b[n])
	}

	return string(b[:n]), nil
}
