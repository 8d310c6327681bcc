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

// Mailman has the time that Mailman needs for one message at each step.
type Mailman struct {
	Pipe    time.Duration // the alias's program, processor time
	Bounce  time.Duration // BounceRunner
	Command time.Duration // CommandRunner
	Notice  time.Duration // VirginRunner
	Message time.Duration // OutgoingRunner
	// Source says where the figures come from.
	Source string
}

// Recorded has figures of Mailman 2.1.39 and a list of 138,000 members, measured on two cores.
var Recorded = Mailman{
	Pipe: 250 * time.Millisecond, Bounce: 410 * time.Millisecond, Command: 1500 * time.Millisecond,
	Notice: 800 * time.Millisecond, Message: 450 * time.Millisecond,
	Source: "Mailman's figures were not measured here: they were recorded with Mailman 2.1.39 and a list of 138,000 members on two cores.",
}

// history is about the site of the original proposal.
const history = "In 2003 the bounces of one mailing took it over 4 hours of CPU."

// number writes a number with commas.
var number = message.NewPrinter(language.English)

// Step is one step of a message's way, as measured.
type Step struct {
	What    string
	Entries int
	Took    time.Duration
	Mailman time.Duration // for one entry
}

// Steps returns the steps of mail that was delivered in the time took and then handled by runners.
func Steps(delivered int, took time.Duration, all []engine.Stats, m Mailman) []Step {
	steps := []Step{{"mail in, by LMTP, flushed", delivered, took, m.Pipe}}
	for _, s := range all {
		step := Step{What: s.Runner, Entries: s.Entries, Took: s.Elapsed}
		switch s.Runner {
		case "BounceRunner":
			step.What, step.Mailman = "bounces registered", m.Bounce
		case "CommandRunner":
			step.What, step.Mailman = "commands obeyed", m.Command
		case "VirginRunner":
			step.What, step.Mailman = "notices made ready", m.Notice
		case runner.Outgoing.Name:
			step.What, step.Mailman = "notices out, by SMTP", m.Message
		}

		if s.Entries > 0 {
			steps = append(steps, step)
		}
	}

	return steps
}

// Report prints how long the steps took, beside the time that Mailman needs for the same.
func Report(w io.Writer, steps []Step, m Mailman) error {
	right := func(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "STEP"}, right("HOW MANY"), right("TOOK"), right("EACH"),
		right("MAILMAN"), right("EACH"), right("TIMES"))
	for _, s := range steps {
		each := s.Took / time.Duration(s.Entries)
		t.Row(s.What, number.Sprint(s.Entries), fmt.Sprintf("%.2f s", s.Took.Seconds()), fmt.Sprintf("%.2f ms", each.Seconds()*1e3),
			long(s.Mailman*time.Duration(s.Entries)), fmt.Sprintf("%.2f s", s.Mailman.Seconds()), number.Sprintf("%.0f", s.Mailman.Seconds()/each.Seconds()))
	}

	if err := t.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, terminal.Wrap(m.Source+" "+history, terminal.Width))
	return err
}

// long writes a duration in a suitable unit.
func long(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 5*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f hours", d.Hours())
}

// Compare prints what was read back from the site beside what was expected, and then the verdict. A *WrongError names
// the rows that differ.
func Compare(w io.Writer, want, got *expected, all []engine.Stats, steps []Step) error {
	// Outcomes are those of the bounces only.
	outcome := func(o runner.Outcome) (n int) {
		for _, s := range all {
			if s.Runner == "BounceRunner" {
				n += s.Outcomes[o]
			}
		}
		return n
	}

	// Each row has both numbers, and a mark where they differ.
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "READ BACK WITH GOPICKLE"}, terminal.Column{Title: "GOT", Right: true},
		terminal.Column{Title: "NEED", Right: true}, terminal.Column{})
	var wrong []string
	row := func(what string, got, want int) {
		mark := ""
		if got != want {
			mark = "differs"
			wrong = append(wrong, what)
		}
		t.Row(what, number.Sprint(got), number.Sprint(want), mark)
	}

	row("members", got.Members, want.Members)
	row("members with bounce information", got.BounceInfo, want.BounceInfo)
	row("sum of their scores", got.Score, want.Score)
	row("disabled by bounces", got.ByBounce, want.ByBounce)
	row("disabled by themselves", got.ByUser, want.ByUser)
	row("hidden at their wish", got.Hidden, want.Hidden)
	row("requests to be confirmed", got.Pending, want.Pending)
	row("notices that the mail server was given", got.Mails, want.Mails)
	row("bounces registered", outcome(runner.Registered), want.Registered)
	row("bounces not understood, sent to the owner", outcome(runner.Forwarded), want.Forwarded)
	row("warnings, discarded", outcome(runner.Discarded), want.Discarded)
	if err := t.Write(w); err != nil {
		return err
	}

	// A verdict about speed means nothing where the result is wrong.
	if wrong != nil {
		return &WrongError{wrong}
	}

	_, err := fmt.Fprintln(w, "\n"+terminal.Wrap(verdict(want, steps), terminal.Width))
	return err
}

// WrongError is the verdict on a site with figures that are not as expected.
type WrongError struct{ Figures []string }

func (e *WrongError) Error() string {
	return "the site is not what it must be: " + strings.Join(e.Figures, ", ")
}

// verdict is the sentence about a site that is as expected.
func verdict(want *expected, steps []Step) string {
	took, mailman := time.Duration(0), time.Duration(0)
	for _, s := range steps {
		took += s.Took
		mailman += s.Mailman * time.Duration(s.Entries)
	}

	return number.Sprintf("Verdict: all is as it must be. %d messages came in and took effect once each, and %d notices went out, in %.1f s instead of %s.",
		steps[0].Entries, want.Mails, took.Seconds(), long(mailman))
}
