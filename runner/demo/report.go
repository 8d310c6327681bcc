package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
)

// What Mailman 2.1.39 takes for one entry of a list of 138,000 members, measured
// on two cores.
const (
	mailmanBounce  = 410 * time.Millisecond
	mailmanCommand = 1500 * time.Millisecond
)

// mailmanFigures says where those come from, and what the site had that the original proposal is about.
const mailmanFigures = `Mailman's figures are those of a list of 138,000 members on two cores. In 2003 the bounces of one mailing took it over 4 hours
of CPU.`

// number writes a number with commas.
var number = message.NewPrinter(language.English)

// Report prints how long the queues took beside what Mailman takes for as much.
func Report(w io.Writer, all []engine.Stats) error {
	right := func(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "WHAT"}, right("MMRUNNER"), right("EACH"),
		right("MAILMAN 2.1.39"), right("EACH"), right("TIMES AS FAST"))
	for _, s := range all {
		what, each := "bounces", mailmanBounce
		if s.Runner == "CommandRunner" {
			what, each = "commands", mailmanCommand
		}

		if s.Entries == 0 {
			continue
		}
		ours := s.Elapsed / time.Duration(s.Entries)
		t.Row(number.Sprintf("%d %s", s.Entries, what), fmt.Sprintf("%.2f s", s.Elapsed.Seconds()), fmt.Sprintf("%.2f ms", ours.Seconds()*1e3),
			long(each*time.Duration(s.Entries)), fmt.Sprintf("%.2f s", each.Seconds()), number.Sprintf("%.0f", each.Seconds()/ours.Seconds()))
	}

	if err := t.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, terminal.Wrap(mailmanFigures, terminal.Width))
	return err
}

// long is a duration in the unit that suits it.
func long(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f minutes", d.Minutes())
}

// Compare prints what was read back from the site beside what was expected, and
// then the verdict. A *WrongError names what differs.
func Compare(w io.Writer, want, got *Expected, all []engine.Stats) error {
	outcome := func(o runner.Outcome) (n int) {
		for _, s := range all {
			if s.Runner == "BounceRunner" {
				n += s.Outcomes[o]
			}
		}
		return n
	}

	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "READ BACK WITH GOPICKLE"}, terminal.Column{Title: "GOT", Right: true},
		terminal.Column{Title: "NEED", Right: true}, terminal.Column{})
	var wrong []string
	row := func(what string, had, wanted int) {
		mark := ""
		if had != wanted {
			mark = "differs"
			wrong = append(wrong, what)
		}
		t.Row(what, number.Sprint(had), number.Sprint(wanted), mark)
	}

	row("members", got.Members, want.Members)
	row("members with bounce information", got.BounceInfo, want.BounceInfo)
	row("sum of their scores", got.Score, want.Score)
	row("disabled by bounces", got.ByBounce, want.ByBounce)
	row("disabled by themselves", got.ByUser, want.ByUser)
	row("hidden at their wish", got.Hidden, want.Hidden)
	row("requests to be confirmed", got.Pending, want.Pending)
	row("messages to be sent", got.Mails, want.Mails)
	row("bounces registered", outcome(runner.Registered), want.Registered)
	row("bounces not understood, sent to the owner", outcome(runner.Forwarded), want.Forwarded)
	row("warnings, discarded", outcome(runner.Discarded), want.Discarded)
	if err := t.Write(w); err != nil {
		return err
	}
	if wrong != nil {
		return &WrongError{wrong}
	}

	_, err := fmt.Fprintln(w, "\n"+terminal.Wrap(verdict(all), terminal.Width))
	return err
}

// WrongError is the verdict on a site of which some figures are not what they must be.
type WrongError struct{ Figures []string }

func (e *WrongError) Error() string {
	return "the site is not what it must be: " + strings.Join(e.Figures, ", ")
}

// verdict is what a site that is right says of mmrunner.
func verdict(all []engine.Stats) string {
	entries, took, mailman := 0, time.Duration(0), time.Duration(0)
	for _, s := range all {
		each := mailmanBounce
		if s.Runner == "CommandRunner" {
			each = mailmanCommand
		}

		entries += s.Entries
		took += s.Elapsed
		mailman += each * time.Duration(s.Entries)
	}

	return number.Sprintf("Verdict: all is as it must be. %d entries took effect once each, in %.1f s instead of %s.", entries, took.Seconds(), long(mailman))
}
