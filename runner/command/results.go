package command

import (
	"errors"
	"regexp"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// outcome is the result of a command.
type outcome int

// CommandRunner's numbers: go on with the next line; stop here; this line is no command; the Subject is no command,
// which does not stop the others.
const (
	goOn outcome = iota
	stop
	badCommand
	badSubject
)

// results is CommandRunner's Results: the commands of one message, and the answer to it.
type results struct {
	b    runner.Batch
	m    *membership.Manager
	l    *maillist.List
	s    *site.Site
	t    *i18n.Texts
	msg  *message.Message
	lang string // of the answer: the sender's

	returnAddr string   // where the answer goes; "" means to the sender
	commands   []string // the Subject, if it can be decoded, and lines of the body
	results    []i18n.Text
	ignored    []string // lines beyond DEFAULT_MAIL_COMMANDS_MAX_LINES
	lineno     int
	retried    int // how often a prefix of the Subject was dropped
	respond    bool
	set        setState
	roster     *roster
}

var textIgnoring = key("Queue/CommandRunner", "Ignoring non-text/plain")

// read finds the commands in a message: Results.__init__.
func (r *results) read() error {
	// The Subject is the first command.
	if subject, ok := r.subject(); ok {
		r.commands = append(r.commands, subject)
	}

	// Then the lines of the first text/plain part, up to DEFAULT_MAIL_COMMANDS_MAX_LINES.
	var part *message.Message
	for part = range r.msg.TypedSubpartIterator("text", "plain") {
		break
	}
	if part != r.msg {
		r.add(textIgnoring, nil)
	}

	if part == nil {
		return nil
	}
	body, err := r.body(part)
	if err != nil {
		return err
	}

	lines := splitLines(body)
	limit := min(max(r.s.Int("DEFAULT_MAIL_COMMANDS_MAX_LINES"), 0), len(lines))
	r.commands = append(r.commands, lines[:limit]...)
	r.ignored = lines[limit:]
	return nil
}

// subject decodes the Subject. Characters beyond ASCII are left out of it, since a translated "Re:" may have some;
// releases before 2.1.15 leave out the whole Subject then.
func (r *results) subject() (string, bool) {
	raw, _ := r.msg.Get("subject")
	chunks, err := message.DecodeHeader(raw)
	if err != nil {
		return "", false
	}

	h, err := message.MakeHeader(r.b.Charsets(), chunks, message.HeaderOptions{})
	if err != nil {
		return "", false
	}
	u, err := h.Unicode()
	if err != nil {
		return "", false
	}

	mode := codec.Strict
	if r.since(subjectIgnoresNonASCII) {
		mode = codec.Ignore
	}

	s, err := codec.Encode(u, "us-ascii", mode)
	return s, err == nil
}

// body is the text of the part with the commands. Releases from 2.1.35 on convert it to the charset of the answer's
// language.
func (r *results) body(part *message.Message) (string, error) {
	body, ok, err := part.GetPayloadDecoded()
	if err != nil {
		return "", err
	}

	charset, _ := part.GetContentCharset()
	if charset != "" && r.since(bodyIsConverted) {
		if !ok {
			return "", &py.Error{Class: "TypeError", Text: "coercing to Unicode: need string or buffer, NoneType found"}
		}
		u, err := codec.Decode(body, charset, codec.Replace)
		if err != nil {
			return "", err
		}
		return codec.Encode(u, r.t.Charset(r.lang), codec.Replace)
	}

	if !ok {
		return "", &py.Error{Class: "AssertionError"}
	}

	return body, nil
}

// process runs the commands line by line, until a command stops or a line is no command.
func (r *results) process() (outcome, error) {
	found, did := badCommand, goOn
	// A command may replace r.commands, but the loop continues with the old slice.
	for _, line := range r.commands {
		if args := fields(line); len(args) > 0 {
			var err error
			if did, err = r.do(py.Lower(args[0]), args[1:]); err != nil {
				return did, err
			}

			if did == stop || did == goOn {
				found = did
			}
		}

		r.lineno++
		if did == stop || did == badCommand {
			break
		}
	}

	return found, nil
}

// glued matches a prefix like "Re:" with a command directly behind it.
var glued = regexp.MustCompile(`^[^\n]*:[^\n]+`)

// do runs one command (Results.do_command). Where there is no command of that name and this is the Subject, the first
// word may be a prefix like "Re:": it is left out and the next word tried, at most twice.
func (r *results) do(cmd string, args []string) (outcome, error) {
	run, err := r.lookup(cmd)
	if err == nil {
		stopped, err := run(r, args)
		if stopped {
			return stop, err
		}
		return goOn, err
	}

	// A module that is there and cannot be imported is another error.
	if !errors.Is(err, errNoCommand) {
		return badCommand, err
	}
	onlySubject := r.since(onlySubjectIsRetried)
	bad := badSubject

	// Since 2.1.20 only the Subject is tried again; before, every line was.
	if r.lineno != 0 {
		bad = badCommand
		if onlySubject {
			return bad, nil
		}
	}

	// "Re:help" without a blank: take what follows the last colon.
	retries := 1
	if r.since(gluedPrefix) {
		retries = 2
		if r.retried < 1 {
			r.retried++
			if glued.MatchString(cmd) {
				cmd = cmd[strings.LastIndexByte(cmd, ':')+1:]
				if onlySubject {
					cmd = py.Lower(cmd)
				}
				return r.do(cmd, args)
			}
		}
	}

	// A prefix on its own: take the next word.
	if r.retried < retries && len(args) > 0 {
		r.retried++
		cmd, args = args[0], args[1:]
		if onlySubject {
			cmd = py.Lower(cmd)
		}
		return r.do(cmd, args)
	}

	return bad, nil
}

// fields is Python 2's str.split().
func fields(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool {
		return strings.ContainsRune(py.Whitespace, c)
	})
}

// blank tells whether Python's strip() makes a line empty.
func blank(line string) bool { return strings.Trim(line, py.Whitespace) == "" }

// splitLines is Python 2's str.splitlines().
func splitLines(s string) []string {
	var lines []string
	for len(s) > 0 {
		i := strings.IndexAny(s, "\r\n")
		if i < 0 {
			return append(lines, s)
		}

		lines = append(lines, s[:i])
		if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
			i++
		}

		s = s[i+1:]
	}

	return lines
}

// from is parseaddr(msg['from']).
func (r *results) from() (message.Address, error) {
	s, _ := r.msg.Get("from")
	return message.ParseAddr(s)
}

// str is a member's attribute, str or unicode, for a text.
func str(v pickle.Value) i18n.Text {
	if s, ok := v.(pickle.Str); ok {
		return string(s)
	}
	return v
}

// flags tells which keys of an entry's metadata are true.
type flags interface{ True(key string) bool }
