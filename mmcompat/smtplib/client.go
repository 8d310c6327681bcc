package smtplib

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Reply is a server's reply: Code -1 where it had none.
type Reply struct {
	Code int
	Text string // all its lines, without their codes
}

// Options say which server to talk to, and how long to wait.
type Options struct {
	Host string // SMTPHOST, which may end in a colon and a port
	Port int    // SMTPPORT; 0 means the host's, or 25
	// LocalName is the name to introduce ourselves by, see [LocalName].
	LocalName string
	// Wait is how long a reply to a command may take, DataWait that to the end of a
	// message. 0 means RFC 5321's 5 and 10 minutes.
	Wait, DataWait time.Duration
}

const (
	wait     = 5 * time.Minute
	dataWait = 10 * time.Minute
)

// Client is an SMTP object. It is for one goroutine at a time.
type Client struct {
	o        Options
	conn     net.Conn // nil when there is no connection
	in       *bufio.Reader
	out      *bufio.Writer
	greeted  bool // a reply to EHLO or HELO was had
	esmtp    bool
	features map[string]string
	hurry    context.Context
}

// New returns a client without a connection. While ctx has not ended it waits for
// the server as long as o says, and then a few seconds at most.
func New(ctx context.Context, o Options) *Client {
	if o.Wait == 0 {
		o.Wait = wait
	}
	if o.DataWait == 0 {
		o.DataWait = dataWait
	}
	return &Client{o: o, hurry: ctx}
}

// LocalName is the name in smtplib's EHLO: the host's full name or, where it
// has none with a dot in it, its address.
func LocalName(fqdn string) string {
	if strings.Contains(fqdn, ".") {
		return fqdn
	}
	literal := "[127.0.0.1]"
	host, err := os.Hostname()
	if err != nil {
		return literal
	}

	addrs, err := net.LookupIP(host)
	if err != nil {
		return literal
	}

	for _, addr := range addrs {
		if v4 := addr.To4(); v4 != nil {
			return "[" + v4.String() + "]"
		}
	}

	return literal
}

// address is where the server is, as SMTP.connect reads host and port.
func (o Options) address() (string, error) {
	host, port := o.Host, strconv.Itoa(o.Port)
	if o.Port == 0 {
		port = "25"
		if strings.Count(host, ":") == 1 {
			host, port, _ = strings.Cut(host, ":")
			if _, err := strconv.Atoi(strings.TrimSpace(port)); err != nil {
				return "", &SocketError{errors.New("nonnumeric port")}
			}
		}
	}

	return net.JoinHostPort(host, strings.TrimSpace(port)), nil
}

// Connect is connect(host, port). What the server says first is not looked at, as
// SMTPDirect does not. The error is a *SocketError or *Error.
func (c *Client) Connect() error {
	addr, err := c.o.address()
	if err != nil {
		return err
	}

	d := net.Dialer{Timeout: c.o.Wait}
	conn, err := d.DialContext(c.hurry, "tcp", addr)
	if err != nil {
		return &SocketError{err}
	}

	c.use(conn)
	_, err = c.reply(c.o.Wait)
	return err
}

// maxLine is how long a line of a reply may be.
const maxLine = 8192

// use goes on with a connection of which nothing is known.
func (c *Client) use(conn net.Conn) {
	c.conn, c.in, c.out = conn, bufio.NewReaderSize(conn, maxLine+1), bufio.NewWriterSize(conn, 32<<10)
	c.greeted, c.esmtp, c.features = false, false, nil
}

// Connected tells whether there is a connection.
func (c *Client) Connected() bool { return c.conn != nil }

// close forgets the connection.
func (c *Client) close() {
	if c.conn != nil {
		// All that can be said over it was said.
		_ = c.conn.Close()
		c.conn = nil
	}
}

// lastWait is how long a server is waited for at most once the process is to end.
const lastWait = 10 * time.Second

// deadline gives the next read or write its time.
func (c *Client) deadline(d time.Duration) (stop func() bool) {
	conn := c.conn
	// A connection that takes no deadline is a closed one, and that shows at once.
	_ = conn.SetDeadline(time.Now().Add(d))
	return context.AfterFunc(c.hurry, func() { _ = conn.SetDeadline(time.Now().Add(min(d, lastWait))) })
}

// send writes commands, each without its line end.
func (c *Client) send(commands ...string) error {
	if c.conn == nil {
		return &Error{Text: "please run connect() first", Disconnected: true}
	}
	defer c.deadline(c.o.Wait)()

	for _, command := range commands {
		c.out.WriteString(command)
		c.out.WriteString("\r\n")
	}

	return c.sent(c.out.Flush())
}

// sent makes smtplib's exception of an error in writing.
func (c *Client) sent(err error) error {
	if err != nil {
		c.close()
		return &Error{Text: "Server not connected", Disconnected: true}
	}
	return nil
}

// reply is getreply().
func (c *Client) reply(d time.Duration) (Reply, error) {
	if c.conn == nil {
		return Reply{}, &Error{Text: "please run connect() first", Disconnected: true}
	}
	defer c.deadline(d)()
	var lines []string
	for {
		line, err := c.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine {
			return Reply{}, &ReplyError{Kind: "SMTPResponseException", Reply: Reply{500, "Line too long."}}
		}

		if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
			c.close()
			text := "Connection unexpectedly closed"
			if e := new(net.OpError); errors.As(err, &e) {
				text += ": " + (&SocketError{err}).Error()
			}
			return Reply{}, &Error{Text: text, Disconnected: true}
		}

		lines = append(lines, string(bytes.TrimSpace(line[min(4, len(line)):])))
		code, bad := strconv.Atoi(string(bytes.TrimSpace(line[:min(3, len(line))])))
		if bad != nil {
			code = -1
		}

		if bad != nil || len(line) < 4 || line[3] != '-' {
			return Reply{code, strings.Join(lines, "\n")}, nil
		}
	}
}

// command is docmd(command).
func (c *Client) command(command string) (Reply, error) {
	if err := c.send(command); err != nil {
		return Reply{}, err
	}
	return c.reply(c.o.Wait)
}

// Ehlo is ehlo(name); "" is the local name. The error is about the connection.
func (c *Client) Ehlo(name string) (Reply, error) {
	if name == "" {
		name = c.o.LocalName
	}

	c.features = nil
	r, err := c.command("ehlo " + name)
	if err != nil {
		return r, err
	}
	if r.Code == -1 && r.Text == "" {
		c.close()
		return r, &Error{Text: "Server not connected", Disconnected: true}
	}

	c.greeted = true
	if r.Code != 250 {
		return r, nil
	}

	c.esmtp, c.features = true, map[string]string{}
	_, lines, _ := strings.Cut(r.Text, "\n")
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(strings.ToLower(line), "auth=") {
			c.features["auth"] += " " + line[len("auth="):]
			continue
		}

		n := 0
		for n < len(line) && isKeyword(line[n], n > 0) {
			n++
		}
		if n == 0 {
			continue
		}

		feature, params := strings.ToLower(line[:n]), strings.TrimSpace(line[n:])
		if feature == "auth" {
			c.features[feature] += " " + params
		} else {
			c.features[feature] = params
		}
	}

	return r, nil
}

// isKeyword tells whether a byte can be in the name of an extension.
func isKeyword(b byte, inner bool) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || inner && b == '-'
}

// has is has_extn(name).
func (c *Client) has(name string) bool { _, ok := c.features[name]; return ok }

// Greet is ehlo_or_helo_if_needed(). The error is a *ReplyError of the kind
// SMTPHeloError, or about the connection.
func (c *Client) Greet() error {
	if c.greeted {
		return nil
	}
	r, err := c.Ehlo("")
	if err != nil || r.Code >= 200 && r.Code <= 299 {
		return err
	}
	if r, err = c.command("helo " + c.o.LocalName); err != nil {
		return err
	}
	if r.Code < 200 || r.Code > 299 {
		return &ReplyError{Kind: "SMTPHeloError", Reply: r}
	}

	return nil
}

// StartTLS is starttls(), without a look at the server's certificate, as Python 2
// does not look at it either.
func (c *Client) StartTLS() error {
	if err := c.Greet(); err != nil {
		return err
	}
	if !c.has("starttls") {
		return &Error{Text: "STARTTLS extension not supported by server."}
	}

	r, err := c.command("STARTTLS")
	if err != nil {
		return err
	}
	if r.Code != 220 {
		return &ReplyError{Kind: "SMTPResponseException", Reply: r}
	}

	secured := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	defer c.deadline(c.o.Wait)()
	if err := secured.HandshakeContext(context.WithoutCancel(c.hurry)); err != nil {
		c.close()
		return &SocketError{err}
	}

	c.use(secured)
	return nil
}

// Quit is quit(): it ends the session, and the connection whatever is said to that.
func (c *Client) Quit() error {
	_, err := c.command("quit")
	c.close()
	return err
}
