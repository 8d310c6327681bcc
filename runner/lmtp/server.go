package lmtp

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/gofrs/flock"
	"golang.org/x/net/netutil"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/lmtp/enqueue"
)

// ErrTaken says that another LMTP server of this host takes mail for the site.
var ErrTaken = errors.New("another mmrunner takes mail for this site on this host")

// Server takes mail for a site's lists by LMTP.
type Server struct {
	o        Options
	host     string
	settings *intake.Settings
	finder   *Finder
	writer   *enqueue.Writer
	dataDir  string
	lock     *flock.Flock
	smtp     *smtp.Server
	memory   budget
	clock    intake.Clock
	count    counts
	began    time.Time

	encoding sync.Mutex // of large messages, one at a time
	mailbox  sync.Mutex // fcntl's locks do not keep threads apart

	mu         sync.Mutex
	wires      map[*wire]bool
	listeners  []net.Listener
	stopped    bool
	complained map[string]time.Time // when, by the text of the complaint
}

// New makes a server and claims the site's mail on this host: what a server that
// was killed has acknowledged is queued, and what it left half-written is removed. Close gives the claim up. The error is
// ErrTaken, one of the settings' or the file system's.
func New(s *site.Site, o Options) (*Server, error) {
	o = o.withDefaults()
	finder, err := newFinder(s, o.Domains...)
	if err != nil {
		return nil, err
	}

	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	host, _, _ = strings.Cut(filepath.Base(host), ".")
	srv := &Server{
		o: o, host: host, settings: finder.settings, finder: finder, dataDir: s.DataDir(),
		memory: budget{max: o.MaxMemory}, began: time.Now(), wires: map[*wire]bool{}, complained: map[string]time.Time{},
	}

	// Claim the site's mail on this host.
	srv.lock = flock.New(filepath.Join(srv.dataDir, "mmrunner-lmtp-"+host+".lock"), flock.SetPermissions(0o660))
	locked, err := srv.lock.TryLock()
	if err == nil && !locked {
		err = ErrTaken
	}

	if err == nil {
		err = srv.prepareQueues()
	}

	if err != nil {
		return nil, errors.Join(err, srv.lock.Close())
	}

	// Limits that wire does not have are go-smtp's.
	srv.smtp = smtp.NewServer(smtp.BackendFunc(srv.newSession))
	srv.smtp.LMTP = true
	srv.smtp.Domain = host
	srv.smtp.MaxRecipients = o.MaxRecipients
	srv.smtp.MaxMessageBytes = o.MaxSize
	srv.smtp.MaxLineLength = 0 // wire has the limit, for commands only
	srv.smtp.EnableSMTPUTF8 = true
	srv.smtp.ErrorLog = errorLog{srv}

	return srv, nil
}

// prepareQueues makes queue directories that are missing, as Switchboard does, and
// finishes what a server that died has left in them.
func (s *Server) prepareQueues() (err error) {
	for _, dir := range s.settings.Queues {
		if err := intake.MakeQueue(dir); err != nil {
			return err
		}
	}

	s.writer, err = enqueue.Open(enqueue.Options{DataDir: s.dataDir, Host: s.host, Queues: s.settings.Queues, Complain: s.complain})
	return err
}

// Finder returns the server's finder, for a socketmap.
func (s *Server) Finder() *Finder { return s.finder }

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, wire: c.Conn().(*wire)}, nil
}

// Serve takes mail on a listener until the server is shut down or the listener
// fails.
func (s *Server) Serve(l net.Listener) error {
	s.add(l)
	return s.serve(l)
}

// add has Counts and Shutdown know a listener.
func (s *Server) add(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
}

// serve takes mail on a listener that was added.
func (s *Server) serve(l net.Listener) error {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		return l.Close()
	}
	return s.smtp.Serve(wireListener{netutil.LimitListener(l, s.o.MaxConnections), s})
}

// Shutdown takes no more connections, lets each finish the message at hand, and
// closes them. It closes those that are not done when ctx ends, whose error it then
// returns.
func (s *Server) Shutdown(ctx context.Context) error {
	// go-smtp does not know a listener yet whose Serve has only just been called.
	s.mu.Lock()
	s.stopped = true
	listeners := slices.Clone(s.listeners)
	s.mu.Unlock()
	stopped := make(chan error, 1)
	go func() {
		err := s.smtp.Shutdown(ctx)
		for _, l := range listeners {
			_ = l.Close()
		}
		stopped <- err
	}()

	// Connections may still be accepted while the listeners close.
	for {
		s.mu.Lock()
		for w := range s.wires {
			w.stop()
		}
		s.mu.Unlock()

		select {
		case err := <-stopped:
			s.mu.Lock()
			defer s.mu.Unlock()
			for w := range s.wires {
				w.Conn.Close()
			}
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close gives the claim on the site's mail up, once all mail is in its queue.
func (s *Server) Close() error { return errors.Join(s.writer.Close(), s.lock.Close()) }

// wireListener makes each connection a wire.
type wireListener struct {
	net.Listener
	s *Server
}

func (l wireListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}

	w := newWire(c, l.s.o.IdleTimeout, l.s.o.MessageTimeout)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.wires[w] = true
	l.s.count.connections.Add(1)

	w.closed = func() {
		l.s.mu.Lock()
		defer l.s.mu.Unlock()
		delete(l.s.wires, w)
	}

	return w, nil
}
