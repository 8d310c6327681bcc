package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
)

// What Mailman 2.1.39 takes for one entry of a list of 138,000 members, measured
// on two cores.
const (
	mailmanBounce  = 410 * time.Millisecond
	mailmanCommand = 1500 * time.Millisecond
)

// in2003 is what the site that the original proposal is about had.
const in2003 = "over 4 hours of CPU"

// number writes a number with commas.
var number = message.NewPrinter(language.English)

// Report prints how long the queues took beside what Mailman takes for as much.
func Report(w io.Writer, all []engine.Stats) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tMMRUNNER\tEACH\tMAILMAN 2.1.39, 138,000 MEMBERS\tEACH\tTIMES AS FAST\tIN 2003, ONE MAILING'S")
	for _, s := range all {
		what, each, then := "bounces", mailmanBounce, in2003
		if s.Runner == "CommandRunner" {
			what, each, then = "commands", mailmanCommand, "-"
		}
		if s.Entries == 0 {
			continue
		}
		ours := s.Elapsed / time.Duration(s.Entries)
		fmt.Fprintln(t, number.Sprintf("%d %s\t%.2f s\t%.2f ms\t%s\t%.2f s\t%.0f\t%s", s.Entries, what, s.Elapsed.Seconds(), ours.Seconds()*1e3,
			long(each*time.Duration(s.Entries)), each.Seconds(), each.Seconds()/ours.Seconds(), then))
	}
	return t.Flush()
}

// long is a duration in the unit that suits it.
func long(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f minutes", d.Minutes())
}

// Compare prints what was read back from the site beside what was expected, and
// returns an error that names what differs.
func Compare(w io.Writer, want, got *Expected, all []engine.Stats) error {
	outcome := func(o runner.Outcome) (n int) {
		for _, s := range all {
			if s.Runner == "BounceRunner" {
				n += s.Outcomes[o]
			}
		}
		return n
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "READ BACK WITH GOPICKLE\tHAD\tWANTED\t")
	var wrong []string
	row := func(what string, had, wanted int) {
		mark := ""
		if had != wanted {
			mark = "differs"
			wrong = append(wrong, what)
		}
		fmt.Fprintln(t, number.Sprintf("%s\t%d\t%d\t%s", what, had, wanted, mark))
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
	if err := t.Flush(); err != nil {
		return err
	}
	if wrong != nil {
		return fmt.Errorf("the site's state is not what it should be: %s", strings.Join(wrong, ", "))
	}
	return nil
}
