package bench

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
)

// mailClient speaks SMTP or LMTP, and saves round trips as RFC 2920 allows.
type mailClient struct {
	net.Conn
	r     *bufio.Reader
	begun string // the recipient of a transaction whose DATA was answered with 354
}

// dialMail connects to HOST:PORT and greets with EHLO or LHLO.
func dialMail(address, greeting string) (*mailClient, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &mailClient{Conn: conn, r: bufio.NewReader(conn)}
	_, err = fmt.Fprintf(c, "%s bench.example\r\n", greeting)
	return c, errors.Join(err, c.expect("220", "250"))
}

// send sends a bounce. With the end of it begins the transaction for the next
// recipient, if there is one.
func (c *mailClient) send(recipient, text, next string) error {
	begin := func(recipient string) string {
		return fmt.Sprintf("MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n", recipient)
	}
	if c.begun != recipient {
		if _, err := fmt.Fprint(c, begin(recipient)); err != nil {
			return err
		}
		if err := c.expect("250", "250", "354"); err != nil {
			return err
		}
	}

	c.begun = next
	data := strings.ReplaceAll(strings.ReplaceAll(text, "\n", "\r\n"), "\r\n.", "\r\n..") + ".\r\n"
	wants := []string{"250"}
	if next != "" {
		data += begin(next)
		wants = append(wants, "250", "250", "354")
	}

	if _, err := fmt.Fprint(c, data); err != nil {
		return err
	}
	return c.expect(wants...)
}

// expect reads replies that begin with such codes.
func (c *mailClient) expect(codes ...string) error {
	for _, code := range codes {
		for more := true; more; {
			line, err := c.r.ReadString('\n')
			if err != nil {
				return err
			}
			if !strings.HasPrefix(line, code) {
				return fmt.Errorf("the server answered %q, need %s", line, code)
			}
			more = len(line) > 3 && line[3] == '-'
		}
	}

	return nil
}
