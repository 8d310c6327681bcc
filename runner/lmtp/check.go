package lmtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// A message of a check carries a token in a header field. Where data/ has a file of
// that name, which only Mailman's user and group can make, the server writes down
// there what it would have done, and queues nothing.
const (
	checkField  = "X-Mmrunner-Check: "
	checkPrefix = "mmrunner-check-"
	tokenBytes  = 16
)

// Check sends a message to each kind of address of a list, and tells which arrive.
// Nothing is queued.
type Check struct {
	Site   *site.Site
	List   string
	Listen []string // the server's addresses
	// Via is a mail server that the messages are sent through by SMTP; "" sends them
	// to mmrunner itself.
	Via  string
	Wait time.Duration // for mail that goes through a mail server
}

// arrival is the line that the server writes down about one recipient.
type arrival struct {
	Address string `json:"address"`
	List    string `json:"list"`
	Script  string `json:"script"`
	Queue   string `json:"queue"`
}

// checkCase is one address, with the script and the queue that its mail should reach.
type checkCase struct {
	address string
	script  string
	queue   string
	refused error
	arrived *arrival
}

// ErrCheck says that mail for some address does not arrive where it should.
var ErrCheck = errors.New("not all mail arrives where it should")

// Run sends the messages and prints a line for each address. The error is ErrCheck,
// or for a list that is not there and servers that cannot be reached.
func (c Check) Run(ctx context.Context, out io.Writer) error {
	// Say to the server that a check is under way.
	cases, err := c.cases()
	if err != nil {
		return err
	}
	token, file, err := c.begin()
	if err != nil {
		return err
	}
	defer disk.Remove(file)

	// Send the messages, and see which arrive.
	client, err := c.dial()
	if err != nil {
		return err
	}
	defer client.Close()
	for i := range cases {
		cases[i].refused = send(client, token, &cases[i])
	}
	if err := c.await(ctx, file, cases); err != nil {
		return err
	}

	return printCases(out, cases)
}

// cases are all addresses of the list, with extensions as the site makes them.
func (c Check) cases() ([]checkCase, error) {
	finder, err := newFinder(c.Site)
	if err != nil {
		return nil, err
	}

	// The list, and the domain that it has mail at.
	there, err := finder.settings.ListExists(strings.ToLower(c.List))
	if err == nil && !there {
		err = fmt.Errorf("--check %s: %w", c.List, ErrNoList)
	}

	if err != nil {
		return nil, err
	}
	host, err := finder.domains.hostName(finder.settings.ListDir, strings.ToLower(c.List))
	if err != nil {
		return nil, err
	}

	if host == "" {
		host = c.Site.Str("DEFAULT_EMAIL_HOST")
	}

	// An address for each script, then those that VERP makes of two of them.
	var cases []checkCase
	add := func(local, script, queue string) {
		cases = append(cases, checkCase{address: local + "@" + host, script: script, queue: queue})
	}
	for _, s := range intake.Scripts() {
		add(c.List+s.Suffix, s.Name, s.Queue)
	}

	format := func(setting, usual string, values ...string) string {
		text := c.Site.Str(setting)
		if text == "" {
			text = usual
		}
		return strings.NewReplacer(values...).Replace(text)
	}

	add(format("VERP_FORMAT", "%(bounces)s+%(mailbox)s=%(host)s",
		"%(bounces)s", c.List+"-bounces", "%(mailbox)s", "member", "%(host)s", "example.com"), "bounces", "bounces")
	add(format("VERP_CONFIRM_FORMAT", "%(addr)s+%(cookie)s",
		"%(addr)s", c.List+"-confirm", "%(cookie)s", strings.Repeat("0", 40)), "confirm", "commands")
	return cases, nil
}

// begin makes the file in which the server is to write.
func (c Check) begin() (token, file string, err error) {
	b := make([]byte, tokenBytes)
	if _, err := rand.Read(b); err != nil {
		return "", "", err
	}

	token = hex.EncodeToString(b)
	file = filepath.Join(c.Site.DataDir(), checkPrefix+token)
	f, err := disk.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return "", "", err
	}
	return token, file, f.Close()
}

func (c Check) dial() (*smtp.Client, error) {
	if c.Via != "" {
		return smtp.Dial(c.Via)
	}
	network, address := "tcp", firstOf(c.Listen, UsualAddress)
	if path := strings.TrimPrefix(address, "unix:"); strings.Contains(path, "/") {
		network, address = "unix", path
	}

	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return smtp.NewClientLMTP(conn), nil
}

// send sends one message. Should it reach a pipe instead of mmrunner, Mailman
// discards it where it can: as a loop, or as bulk mail that wants no answer.
func send(client *smtp.Client, token string, c *checkCase) error {
	list, _, _ := strings.Cut(c.address, "@")
	_, host, _ := strings.Cut(c.address, "@")
	if err := client.Mail("", nil); err != nil {
		return err
	}
	if err := client.Rcpt(c.address, nil); err != nil {
		_ = client.Reset()
		return err
	}

	w, err := client.Data()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "From: mmrunner check <%[1]s>\r\nTo: %[1]s\r\nSubject: mmrunner lmtp --check\r\n"+
		"Precedence: bulk\r\nX-BeenThere: %[2]s@%[3]s\r\n%[4]s%[5]s\r\n\r\nThis message tells whether mail for this address arrives.\r\n",
		c.address, list, host, checkField, token)
	return errors.Join(err, w.Close())
}

// await reads the arrivals until all that was sent is there, or c.Wait has passed.
func (c Check) await(ctx context.Context, file string, cases []checkCase) error {
	for end := time.Now().Add(c.Wait); ; {
		waiting, err := readArrivals(file, cases)
		if err != nil || waiting == 0 || time.Now().After(end) {
			return err
		}

		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// readArrivals sets the arrivals of the cases, and counts those that still may come.
func readArrivals(file string, cases []checkCase) (waiting int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()

	for lines := bufio.NewScanner(f); lines.Scan(); {
		var a arrival
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			continue // being written
		}

		for i := range cases {
			if strings.EqualFold(cases[i].address, a.Address) {
				cases[i].arrived = &a
			}
		}
	}

	for _, c := range cases {
		if c.arrived == nil && c.refused == nil {
			waiting++
		}
	}

	return waiting, nil
}

func printCases(out io.Writer, cases []checkCase) error {
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "ADDRESS", Flex: true}, terminal.Column{Title: "SCRIPT"}, terminal.Column{Title: "QUEUE"},
		terminal.Column{Title: "RESULT", Flex: true})
	failed := 0
	for _, c := range cases {
		result := "arrives"
		switch {
		case c.refused != nil:
			result = "refused: " + c.refused.Error()
		case c.arrived == nil:
			result = "did not arrive at mmrunner"
		case c.arrived.Script != c.script || c.arrived.Queue != c.queue:
			result = fmt.Sprintf("arrives as %s of list %s, in queue %s", c.arrived.Script, c.arrived.List, c.arrived.Queue)
		}

		if result != "arrives" {
			failed++
		}

		t.Row(c.address, c.script, c.queue, result)
	}

	if err := t.Write(out); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%w: %d of %d addresses", ErrCheck, failed, len(cases))
	}

	return nil
}

// checkToken returns the token of a check's message; "" for all other mail.
func checkToken(text []byte) string {
	for rest := text; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}

		line := string(rest[:min(end, len(checkField)+2*tokenBytes+1)])
		if line == "" {
			return ""
		}

		if value, ok := strings.CutPrefix(line, checkField); ok {
			if b, err := hex.DecodeString(value); err == nil && len(b) == tokenBytes {
				return value
			}
			return ""
		}

		rest = rest[min(end+1, len(rest)):]
	}

	return ""
}

// recordArrival writes down where the message of a check would have gone. ok is false
// for a token of which there is no file: the message is mail like any other.
func (s *Server) recordArrival(token string, r recipient) (ok bool, err error) {
	a := arrival{Address: r.address, List: r.where.List, Script: r.where.Script.Name, Queue: r.where.Script.Queue}
	if r.where.Loop {
		a.Script, a.Queue = "loop", "loop"
	}

	line, err := json.Marshal(a)
	if err != nil {
		return true, err
	}
	f, err := disk.OpenFile(filepath.Join(s.dataDir, checkPrefix+token), os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, err
	}

	_, err = f.Write(append(line, '\n'))
	return true, errors.Join(err, f.Close())
}
