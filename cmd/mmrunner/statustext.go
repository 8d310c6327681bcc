package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner/status"
)

// screen is a page that is put together before it is shown.
type screen struct{ bytes.Buffer }

// text is the page, cut to the terminal if it is for one.
func (s *screen) text(fit bool) []byte {
	_, rows, err := term.GetSize(int(os.Stdout.Fd()))
	if !fit || err != nil || rows < 3 {
		return s.Bytes()
	}

	lines := strings.SplitAfter(s.String(), "\n")
	if len(lines) < rows {
		return s.Bytes()
	}
	return []byte(strings.Join(lines[:rows-2], "") + "...\n")
}

// screenWidth is how many columns tables may have: those of the terminal that standard output is, else 80.
func screenWidth() int {
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && columns >= 40 {
		return columns
	}
	return terminal.Width
}

// checkLine is the line for a monitoring system, with performance data after the bar.
func checkLine(p statusDocument) string {
	var texts []string
	for _, a := range p.Alarms {
		texts = append(texts, a.Text)
	}

	if len(texts) == 0 {
		texts = []string{"all is well"}
	}

	var figures []string
	for _, q := range p.Queues {
		if q.Unseen == "" && (q.Runner != "" || q.Waiting > 0) {
			figures = append(figures, fmt.Sprintf("%s=%d", q.Name, q.Waiting))
			if q.Runner != "" {
				figures = append(figures, fmt.Sprintf("%s_age=%.0fs", q.Name, q.AgeSeconds))
			}
		}
	}

	return fmt.Sprintf("MMRUNNER %s - %s | %s", p.Level, oneLine(strings.Join(texts, "; ")), terminal.Escape(strings.Join(figures, " ")))
}

// oneLine is a text for a monitoring plugin's line, in which a bar has a meaning.
func oneLine(text string) string {
	return terminal.Escape(strings.NewReplacer("\n", " ", "|", "/").Replace(text))
}

// printStatus prints the whole page.
func printStatus(w io.Writer, p statusDocument, width int) error {
	st := p.Status
	fmt.Fprintf(w, "%s, %s: %s\n", terminal.Escape(st.Host), at(st.At), p.Level)
	release := "Mailman"

	if st.Release != "" {
		release += " " + st.Release
	}

	line := fmt.Sprintf("%s in %s; %s", release, st.Prefix, st.Master.Text())
	fmt.Fprintln(w, terminal.Wrap(terminal.Escape(line), width))

	if len(p.Alarms) > 0 {
		fmt.Fprintln(w)
		t := terminal.NewTable(width, terminal.Column{Title: "LOOK AT"}, terminal.Column{Flex: true})
		for _, a := range p.Alarms {
			t.Row(a.Level.String(), a.Text)
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}

	for _, table := range []*terminal.Table{queueTable(st, width), runnerTable(st, width), lockTable(st, width), orphanTable(st, width), mailTable(st, width), batchTable(st, width)} {
		if table.Len() == 0 {
			continue
		}
		fmt.Fprintln(w)
		if err := table.Write(w); err != nil {
			return err
		}
	}

	return nil
}

// shownLists is how many lists of a queue are named.
const shownLists = 3

func queueTable(st *status.Status, width int) *terminal.Table {
	right := func(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }
	t := terminal.NewTable(width, terminal.Column{Title: "QUEUE"}, right("WAITING"), right("AT HAND"), right("OLDEST"),
		terminal.Column{Title: "FOR", Flex: true})
	for _, q := range st.Queues {
		switch {
		case q.Unseen != "":
			t.Row(q.Name, "?", "?", "?", "cannot be seen: "+q.Unseen)
			continue
		case q.Waiting+q.AtHand+q.Preserved == 0 && q.SeldomUsed():
			continue
		}

		t.Row(q.Name, count(q.Waiting), count(q.AtHand), age(q.Waiting > 0, q.AgeSeconds), q.For(shownLists))
	}

	return t
}

// count is a number in a table where 0 is nothing to look at.
func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func runnerTable(st *status.Status, width int) *terminal.Table {
	t := terminal.NewTable(width, terminal.Column{Title: "RUNNER"}, terminal.Column{Title: "PROGRAM"}, terminal.Column{Title: "PID", Right: true},
		terminal.Column{Title: "SLICE"}, terminal.Column{Title: "SINCE"})
	for _, r := range st.Runners {
		slice := "all"
		if r.Slice != "0/1" {
			slice = r.Slice
		}
		t.Row(r.Runner, r.Program(), fmt.Sprint(r.PID), slice, at(r.Since))
	}

	return t
}

func lockTable(st *status.Status, width int) *terminal.Table {
	t := terminal.NewTable(width, terminal.Column{Title: "LOCK", Flex: true}, terminal.Column{Title: "HELD BY", Flex: true},
		terminal.Column{Title: "FOR"}, terminal.Column{Title: "WAITING", Flex: true})
	for _, l := range st.Locks {
		var waiting []string
		for _, h := range l.Waiting {
			waiting = append(waiting, fmt.Sprintf("%s for %s", process(h), age(true, h.Seconds)))
		}
		held, since := "nobody", "-"

		if l.Holder != nil {
			held, since = process(*l.Holder), age(true, l.Holder.Seconds)
		}

		t.Row(l.List, held, since, orNone(waiting))
	}

	return t
}

func orphanTable(st *status.Status, width int) *terminal.Table {
	t := terminal.NewTable(width, terminal.Column{Title: "LEFT BEHIND", Flex: true}, terminal.Column{Title: "SINCE"}, terminal.Column{Title: "FILE", Flex: true})
	for _, o := range st.Orphans {
		t.Row(o.What, at(o.Time), o.Path)
	}
	return t
}

func mailTable(st *status.Status, width int) *terminal.Table {
	right := func(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }
	t := terminal.NewTable(width, terminal.Column{Title: "MAIL IN", Flex: true}, terminal.Column{Title: "SINCE"}, terminal.Column{Title: "UNTIL"},
		right("CONNECTIONS"), terminal.Column{Title: "QUEUED", Flex: true}, terminal.Column{Title: "NOT TAKEN", Flex: true})
	for _, c := range st.Mail {
		t.Row(c.Host, moment(c.Since, st.At), moment(c.At, st.At), fmt.Sprint(c.Connections), orNone(status.Tally(c.Queued)), orNone(status.Tally(c.Refused)))
	}

	return t
}

func batchTable(st *status.Status, width int) *terminal.Table {
	right := func(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }
	t := terminal.NewTable(width, terminal.Column{Title: "LAST BATCHES"}, terminal.Column{Title: "OF"}, terminal.Column{Title: "LIST", Flex: true},
		right("ENTRIES"), terminal.Column{Title: "OUTCOMES", Flex: true}, right("TOOK"), right("LOCKED"))
	for _, c := range st.Batches {
		list := c.List
		if list == "" {
			list = "(all lists)"
		}
		t.Row(moment(c.At, st.At), strings.TrimSuffix(c.Runner, "Runner"), list, fmt.Sprint(c.Entries), status.Outcomes(c),
			fmt.Sprintf("%.2f s", c.Seconds), fmt.Sprintf("%.0f ms", 1e3*c.Held))
	}

	return t
}

// printQueue prints one queue by list and age, as qshape does.
func printQueue(w io.Writer, st *status.Status, name string) error {
	var names []string
	for _, q := range st.Queues {
		names = append(names, q.Name)
		if q.Name != name {
			continue
		}
		if q.Unseen != "" {
			return fmt.Errorf("queue %s cannot be seen: %s", q.Name, q.Unseen)
		}

		columns := []terminal.Column{{Title: "LIST", Flex: true}, {Title: "T", Right: true}}
		for _, limit := range status.AgeLimits {
			columns = append(columns, terminal.Column{Title: fmt.Sprintf("%.0f", limit.Minutes()), Right: true})
		}
		columns = append(columns, terminal.Column{Title: fmt.Sprintf("%.0f+", status.AgeLimits[len(status.AgeLimits)-1].Minutes()), Right: true})
		t := terminal.NewTable(terminal.Width, columns...)
		total := status.OfList{List: "TOTAL", ByAge: make([]int, len(status.AgeLimits)+1)}
		for _, l := range q.Lists {
			total.Entries += l.Entries
			for i, n := range l.ByAge {
				total.ByAge[i] += n
			}
		}

		for _, l := range append([]status.OfList{total}, q.Lists...) {
			cells := []string{l.List, fmt.Sprint(l.Entries)}
			for _, n := range l.ByAge {
				cells = append(cells, count(n))
			}
			t.Row(cells...)
		}

		if err := t.Write(w); err != nil {
			return err
		}

		if q.Unread > 0 {
			fmt.Fprintf(w, "%d more could not be read, or are too many to be\n", q.Unread)
		}

		return nil
	}

	return fmt.Errorf("--queue: got %q, need one of %s", name, strings.Join(names, ", "))
}

func process(h status.Holder) string {
	s := fmt.Sprintf("%d on %s", h.PID, h.Host)
	if h.Dead {
		s += fmt.Sprintf(" (dead; can be broken in %s)", age(true, max(0, h.ExpiresSeconds)))
	}
	return s
}

func orNone(parts []string) string {
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func age(known bool, seconds float64) string {
	if !known {
		return "-"
	}
	return status.Roughly(time.Duration(seconds * float64(time.Second)))
}

func at(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// moment is a time as short as it can be told, seen from now.
func moment(t, now time.Time) string {
	if now.Sub(t) < 12*time.Hour {
		return t.Local().Format("15:04:05")
	}
	return t.Local().Format("Jan _2 15:04")
}
