package outgoing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/smtplib"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// pool keeps connections to the mail server from one message to the next, as
// Mailman does not.
type pool struct {
	ctx     context.Context
	options smtplib.Options
	idle    time.Duration

	mu   sync.Mutex
	free []*session
}

// session is a connection and how many transactions it may still have.
type session struct {
	client *smtplib.Client
	left   int // below 0: any number
	timer  *time.Timer
	reused bool // it has had transactions of another message
	ready  bool // it is as the site wants it: within TLS, and logged in
}

// keepIdle is for how long an unused connection is kept.
const keepIdle = 2 * time.Second

// newPool returns a pool for the site's mail server.
func newPool(ctx context.Context, s *site.Site, o Options) *pool {
	return &pool{ctx: ctx, idle: keepIdle, options: smtplib.Options{
		Host: s.Str("SMTPHOST"), Port: s.Int("SMTPPORT"), LocalName: smtplib.LocalName(s.Profile.Python.FQDN), Wait: o.Wait, DataWait: o.DataWait,
	}}
}

// take returns a connection that is open, nil if there is none.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()

	for len(p.free) > 0 {
		s := p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		if s.timer.Stop() {
			s.reused = true
			return s
		}
	}

	return nil
}

// put keeps a connection for a while.
func (p *pool) put(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.timer = time.AfterFunc(p.idle, func() { _ = s.client.Quit() })
	p.free = append(p.free, s)
}

// close ends all connections that are kept.
func (p *pool) close() {
	for s := p.take(); s != nil; s = p.take() {
		// The server may have ended it by now.
		_ = s.client.Quit()
	}
}

// connection is SMTPDirect.Connection, for one message.
type connection struct {
	pool *pool
	site *site.Site
	*session
}

// sendMail is Connection.sendmail, and tells what it has logged. Mailman's object
// stays without a connection when one could not be made, and fails once more; so
// does this.
func (c *connection) sendMail(sender string, recips []string, content string) (logs []mlog.Line, refused *smtplib.Refused, err error) {
	if c.session == nil {
		c.session = c.pool.take()
	}

	if c.session == nil {
		if logs, err = c.connect(); err != nil {
			return logs, nil, err
		}
	}

	refused, err = c.client.SendMail(sender, recips, content)
	if c.reused && hasGone(err) {
		// The server has ended it meanwhile, with nothing of this message said.
		_ = c.client.Quit()
		if logs, err = c.connect(); err != nil {
			return logs, nil, err
		}
		refused, err = c.client.SendMail(sender, recips, content)
	}

	c.reused = false
	if err != nil {
		if isSMTP(err) {
			c.quit()
		}
		return logs, nil, err
	}

	if c.left--; c.left == 0 {
		c.quit()
	}

	return logs, refused, nil
}

// hasGone tells that a connection was not there any longer when a transaction was to
// begin.
func hasGone(err error) bool {
	var low *smtplib.Error
	var reply *smtplib.ReplyError
	return errors.As(err, &low) && low.Disconnected && !low.InData ||
		errors.As(err, &reply) && reply.Kind == "SMTPSenderRefused" && reply.Code == 421
}

// isSMTP tells whether an error is an SMTPException.
func isSMTP(err error) bool {
	var low *smtplib.Error
	var reply *smtplib.ReplyError
	var refused *smtplib.RefusedError
	return errors.As(err, &low) || errors.As(err, &reply) || errors.As(err, &refused)
}

// connect is Connection.__connect.
func (c *connection) connect() (logs []mlog.Line, err error) {
	c.session = &session{client: smtplib.New(c.pool.ctx, c.pool.options), left: c.site.Int("SMTP_MAX_SESSIONS_PER_CONNECTION")}
	if err := c.client.Connect(); err != nil {
		return nil, err
	}
	if !c.site.Bool("SMTP_AUTH") || !membership.Since(c.site.Profile.HexVersion, logsIn) {
		c.ready = true
		return nil, nil
	}

	if c.site.Bool("SMTP_USE_TLS") {
		err := c.client.StartTLS()
		if err == nil {
			_, err = c.client.Ehlo(c.site.Str("SMTP_HELO_HOST"))
		}

		if err != nil {
			// SMTPDirect does not import the name by which it means to catch that.
			return nil, &py.Error{Class: "NameError", Text: "global name 'SMTPException' is not defined"}
		}
	}

	err = c.client.Login(c.site.Str("SMTP_USER"), c.site.Str("SMTP_PASSWD"))
	c.ready = err == nil
	var reply *smtplib.ReplyError
	what := "SMTP - no suitable authentication method found: %s"

	if errors.As(err, &reply) {
		switch reply.Kind {
		case "SMTPHeloError":
			what = "SMTP HELO error: %s"
		case "SMTPAuthenticationError":
			what = "SMTP AUTH error: %s"
		}
	}

	if err != nil && isSMTP(err) {
		logs = append(logs, line("smtp-failure", what, err))
		c.quit()
	}

	return logs, err
}

// quit is Connection.quit.
func (c *connection) quit() {
	if c.session != nil {
		// What is wrong with the connection has shown.
		_ = c.client.Quit()
		c.session = nil
	}
}

// release is quit at the end of a message; a sound connection is kept for the next.
func (c *connection) release() {
	if c.session != nil && c.ready && c.client.Connected() && c.pool.ctx.Err() == nil {
		c.pool.put(c.session)
		c.session = nil
		return
	}
	c.quit()
}
