package lmtp

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Options are the limits of a server. A zero value means the default.
type Options struct {
	MaxSize        int64         // bytes of a message
	MaxMemory      int64         // bytes of all messages that are being received
	MaxConnections int           // at once, on each address; more wait to be accepted
	MaxRecipients  int           // of one message
	IdleTimeout    time.Duration // for one read
	MessageTimeout time.Duration // for the data of one message
	Domains        []string      // taken besides Mailman's own; "*" takes any
	Log            mlog.Logger   // for Mailman's error log; nil drops the lines
}

// Defaults are the limits where nothing else is asked for.
var Defaults = Options{
	MaxSize:        64 << 20,
	MaxMemory:      256 << 20,
	MaxConnections: 1000,
	MaxRecipients:  1000,
	IdleTimeout:    5 * time.Minute, // RFC 5321 4.5.3.2.7
	MessageTimeout: 30 * time.Minute,
}

func (o Options) withDefaults() Options {
	if o.MaxSize == 0 {
		o.MaxSize = Defaults.MaxSize
	}

	if o.MaxMemory == 0 {
		o.MaxMemory = Defaults.MaxMemory
	}

	if o.MaxConnections == 0 {
		o.MaxConnections = Defaults.MaxConnections
	}

	if o.MaxRecipients == 0 {
		o.MaxRecipients = Defaults.MaxRecipients
	}

	if o.IdleTimeout == 0 {
		o.IdleTimeout = Defaults.IdleTimeout
	}

	if o.MessageTimeout == 0 {
		o.MessageTimeout = Defaults.MessageTimeout
	}

	// A message that is as large as one may be must have its memory.
	o.MaxMemory = max(o.MaxMemory, o.MaxSize)
	return o
}

// ErrTaken says that another LMTP server of this host takes mail for the site.
var ErrTaken = errors.New("another mmrunner takes mail for this site on this host")

// Server takes mail for a site's lists by LMTP.
type Server struct {
	o        Options
	host     string
	settings *intake.Settings
	finder   *Finder
	writer   *writer
	dataDir  string
	lock     *flock.Flock
	smtp     *smtp.Server
	memory   budget
	clock    intake.Clock
	count    counts
	began    time.Time

	encoding sync.Mutex // of large messages, one at a time
	mailbox  sync.Mutex // fcntl's locks do not keep threads apart

	mu        sync.Mutex
	wires     map[*wire]bool
	listeners []net.Listener
	stopped   bool
	said      map[string]time.Time // complaints, by their text
}

// New makes a server and claims the site's mail on this host: what a server that
// was killed left half-written is removed. Close gives the claim up. The error is
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
		o: o, host: host, settings: finder.settings, finder: finder, writer: newWriter(host), dataDir: s.DataDir(),
		memory: budget{most: o.MaxMemory}, began: time.Now(), wires: map[*wire]bool{}, said: map[string]time.Time{},
	}

	srv.lock = flock.New(filepath.Join(srv.dataDir, "mmrunner-lmtp-"+host+".lock"), flock.SetPermissions(0o660))
	had, err := srv.lock.TryLock()
	if err == nil && !had {
		err = ErrTaken
	}

	if err == nil {
		err = srv.prepareQueues()
	}

	if err != nil {
		return nil, errors.Join(err, srv.lock.Close())
	}

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
// cleans them.
func (s *Server) prepareQueues() error {
	var dirs []string
	for _, dir := range s.settings.Queues {
		if err := intake.MakeQueue(dir); err != nil {
			return err
		}
		dirs = append(dirs, dir)
	}
	return clean(dirs, s.host)
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

// Close gives the claim on the site's mail up.
func (s *Server) Close() error { return s.lock.Close() }

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

// deliver puts a message into the queues of its recipients. The results are go-smtp
// answers, one for each recipient.
func (s *Server) deliver(env envelope, recipients []recipient, text string, token string) []error {
	results := make([]error, len(recipients))
	var entries []intake.Entry
	first := map[string]int{} // recipients by address, to whom a message comes once
	entryOf := make([]int, len(recipients))
	for i, r := range recipients {
		entryOf[i] = -1
		key := strings.ToLower(r.address)
		if _, again := first[key]; again {
			continue
		}

		first[key] = i
		if token != "" {
			if ok, err := s.checked(token, r); ok && err == nil {
				results[i] = &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 1, 5}, Message: "noted for mmrunner lmtp --check"}
				continue
			} else if err != nil {
				results[i] = s.refuse(r.address, err)
				continue
			}
		}

		full := env.head(r.original, r.address) + text
		if r.where.Loop {
			results[i] = s.answer(r, "", s.loop(full))
			continue
		}
		e, err := s.entry(r.where, full)
		if err != nil {
			results[i] = s.answer(r, "", err)
			continue
		}

		entryOf[i] = len(entries)
		entries = append(entries, e)
	}

	written := s.writer.put(entries)
	for i, r := range recipients {
		if n := entryOf[i]; n >= 0 {
			results[i] = s.answer(r, entries[n].Base, written[n])
		}
	}

	for i, r := range recipients {
		results[i] = results[first[strings.ToLower(r.address)]]
	}
	return results
}

// largeMessage is from what size on messages are made entries of one at a time: an
// entry may be four times as large as its message, while it is made.
const largeMessage = 1 << 20

func (s *Server) entry(where Recipient, full string) (intake.Entry, error) {
	if len(full) > largeMessage {
		s.encoding.Lock()
		defer s.encoding.Unlock()
	}
	return s.settings.Entry(where.Script, where.List, full, s.clock.Now())
}

func (s *Server) loop(full string) error {
	s.mailbox.Lock()
	defer s.mailbox.Unlock()
	return appendToMailbox(filepath.Join(s.dataDir, "owner-bounces.mbox"), full)
}

// answer is what a recipient's mail server is told.
func (s *Server) answer(r recipient, base string, err error) error {
	if err != nil {
		return s.refuse(r.address, err)
	}
	queue, where := "loop", "appended to owner-bounces.mbox"
	if !r.where.Loop {
		queue = r.where.Script.Queue
		where = fmt.Sprintf("queued in %s as %s", queue, base)
	}

	s.count.accepted(queue)
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 1, 5}, Message: where}
}

// complainEvery is how often the same complaint is logged.
const complainEvery = time.Minute

// complain logs an error, and one that comes again and again once a minute.
func (s *Server) complain(err error) {
	if s.o.Log == nil {
		return
	}
	key := err.Error()
	var path *os.PathError
	if errors.As(err, &path) {
		key = path.Err.Error()
	}

	s.mu.Lock()
	last, now := s.said[key], time.Now()
	if len(s.said) > 1000 {
		clear(s.said)
	}

	if now.Sub(last) >= complainEvery {
		s.said[key] = now
	}

	s.mu.Unlock()
	if now.Sub(last) >= complainEvery {
		s.o.Log.Printf("error", "LMTP: %v", err)
	}
}

// errorLog takes what go-smtp has to say. That a client is gone is the client's
// business.
type errorLog struct{ s *Server }

func (l errorLog) Printf(format string, v ...any) {
	if !strings.HasPrefix(format, "error handling") {
		l.s.complain(fmt.Errorf(format, v...))
	}
}

func (l errorLog) Println(v ...any) { l.s.complain(errors.New(fmt.Sprint(v...))) }
