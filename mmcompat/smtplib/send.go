package smtplib

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// SendMail is sendmail(sender, recips, text): a whole transaction. It returns the
// recipients that were refused where at least one was not. The error is a
// *RefusedError, a *ReplyError, an *Error, or the message package's about an address
// that cannot be read.
func (c *Client) SendMail(sender string, recips []string, text string) (*Refused, error) {
	if err := c.Greet(); err != nil {
		return nil, err
	}
	from, err := quoteAddr(sender)
	if err != nil {
		return nil, err
	}

	from = "mail FROM:" + from
	if c.esmtp && c.has("size") {
		from += fmt.Sprintf(" size=%d", len(text))
	}

	to := make([]string, len(recips))
	for i, recip := range recips {
		if to[i], err = quoteAddr(recip); err != nil {
			return nil, err
		}
		to[i] = "rcpt TO:" + to[i]
	}

	refused, err := c.envelope(sender, from, recips, to)
	if err != nil {
		return nil, err
	}

	r, err := c.data(text)
	if err != nil {
		return nil, err
	}
	if r.Code != 250 {
		return nil, c.reset(&ReplyError{Kind: "SMTPDataError", Reply: r})
	}

	return refused, nil
}

// envelope sends the sender and the recipients.
func (c *Client) envelope(sender, from string, recips, to []string) (*Refused, error) {
	together := c.has("pipelining")
	commands := []string{from}

	if together {
		commands = append(commands, to...)
	}

	if err := c.send(commands...); err != nil {
		return nil, err
	}
	mail, err := c.reply(c.o.Wait)
	if err != nil {
		return nil, err
	}
	if mail.Code != 250 && !together {
		return nil, c.reset(&ReplyError{Kind: "SMTPSenderRefused", Reply: mail, Sender: sender})
	}

	refused := &Refused{}
	for i, recip := range recips {
		if !together {
			if err := c.send(to[i]); err != nil {
				return nil, err
			}
		}

		r, err := c.reply(c.o.Wait)
		if err != nil {
			return nil, err
		}

		if r.Code != 250 && r.Code != 251 {
			refused.Set(recip, r)
		}
	}

	if mail.Code != 250 {
		return nil, c.reset(&ReplyError{Kind: "SMTPSenderRefused", Reply: mail, Sender: sender})
	}
	if refused.Len() == len(recips) {
		return nil, c.reset(&RefusedError{refused})
	}

	return refused, nil
}

// reset is rset() before an exception is raised; that it cannot be said is raised in
// its place.
func (c *Client) reset(why error) error {
	if _, err := c.command("rset"); err != nil {
		return err
	}
	return why
}

// data is data(text).
func (c *Client) data(text string) (Reply, error) {
	r, err := c.command("data")
	if err != nil {
		return r, err
	}
	if r.Code != 354 {
		return r, &ReplyError{Kind: "SMTPDataError", Reply: r}
	}

	err = c.body(text)
	if err == nil {
		r, err = c.reply(c.o.DataWait)
	}

	var low *Error
	if errors.As(err, &low) {
		low.InData = true
	}

	return r, err
}

// body writes a message's lines, and the dot after them (RFC 5321, 4.5.2).
func (c *Client) body(text string) error {
	ends := false
	for len(text) > 0 {
		// A block a time, so that a slow line has its time for each.
		stop := c.deadline(c.o.Wait)
		for block := 0; len(text) > 0 && block < 64<<10; {
			i := strings.IndexAny(text, "\r\n")
			line, rest := text, ""
			ends = i >= 0
			if ends {
				line, rest = text[:i], strings.TrimPrefix(strings.TrimPrefix(text[i:], "\r"), "\n")
			}

			if strings.HasPrefix(line, ".") {
				c.out.WriteByte('.')
			}

			c.out.WriteString(line)
			if ends {
				c.out.WriteString("\r\n")
			}

			block += len(line) + 2
			text = rest
		}

		err := c.out.Flush()
		stop()
		if err != nil {
			return c.sent(err)
		}
	}

	if !ends {
		c.out.WriteString("\r\n")
	}
	defer c.deadline(c.o.Wait)()
	c.out.WriteString(".\r\n")
	return c.sent(c.out.Flush())
}

// quoteAddr is quoteaddr(addr). The error is for an address that would be more than
// one line of the dialogue.
func quoteAddr(addr string) (string, error) {
	a, err := message.ParseAddr(addr)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(a.Addr, "\r\n") {
		return "", &py.Error{Class: "ValueError", Text: "an address has a line break in it: " + repr(addr)}
	}
	return "<" + a.Addr + ">", nil
}
