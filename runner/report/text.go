package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// Text writes a report as text, no wider than that many columns.
func (r *Report) Text(w io.Writer, width int) error {
	t := terminal.NewTable(width, terminal.Column{Title: "LIST", Flex: true}, right("MEMBERS"), right("BOUNCING"), right("OFF: BOUNCES"),
		right("ADMIN"), right("SELF"), right("HELD"))
	for _, l := range r.Lists {
		t.Row(l.Name, fmt.Sprint(l.Members), fmt.Sprint(l.Bouncing), fmt.Sprint(l.DisabledByBounce), fmt.Sprint(l.DisabledByAdmin),
			fmt.Sprint(l.DisabledByUser), fmt.Sprint(l.Held))
	}

	if err := t.Write(w); err != nil {
		return err
	}
	fmt.Fprint(w, "\n", terminal.Wrap(r.source(), width), "\n")
	for _, section := range r.sections() {
		if len(section.Counts) == 0 {
			continue
		}
		fmt.Fprintln(w)
		t := terminal.NewTable(width, terminal.Column{Title: strings.ToUpper(section.Title), Flex: true}, right("BOUNCES"), right("DISABLED"), right("HELD"), terminal.Column{Title: ""})
		most := 0
		for _, c := range section.Counts {
			most = max(most, c.Bounces)
		}
		for _, c := range section.Counts {
			t.Row(c.Name, fmt.Sprint(c.Bounces), fmt.Sprint(c.Disabled), fmt.Sprint(c.Held), textBar(c.Bounces, most))
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}

	for _, u := range r.Unread {
		fmt.Fprintf(w, "\nnot read: %s\n", terminal.Escape(u))
	}
	return nil
}

func right(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }

// textBar is a bar of a value's part of most.
func textBar(value, most int) string {
	const width = 15
	if most == 0 || value == 0 {
		return ""
	}
	return strings.Repeat("#", max(1, value*width/most))
}

// source names the data that the report is made from.
func (r *Report) source() string {
	if r.Events == 0 {
		return fmt.Sprintf("There are no events since %s, so this is what the lists' state tells: the last bounce of each member, and who was disabled. "+
			"Set record = true under [events] in mmrunner.toml to know more.", r.Since.Local().Format(time.DateOnly))
	}
	return fmt.Sprintf("From %d events since %s.", r.Events, r.Since.Local().Format(time.DateOnly))
}

// section is one table of counts.
type section struct {
	Title  string
	Counts []Count
}

func (r *Report) sections() []section {
	return []section{{"Day", r.Days}, {"Domain", r.Domains}, {"Class", r.Classes}, {"Status", r.Statuses}, {"Server", r.Servers},
		{"Reason", r.Reasons}, {"Member", r.Members}, {"No bounce", r.Others}}
}

// Text writes a member's history, no wider than that many columns.
func (m *Member) Text(w io.Writer, width int) error {
	t := terminal.NewTable(width, terminal.Column{Title: "LIST", Flex: true}, terminal.Column{Title: "DELIVERY"}, terminal.Column{Title: "SINCE"}, right("SCORE"),
		terminal.Column{Title: "LAST BOUNCE"})
	for _, l := range m.Lists {
		since := ""
		if l.Since != nil {
			since = l.Since.Local().Format(time.DateOnly)
		}
		t.Row(l.List, l.Delivery, since, fmt.Sprintf("%.1f", l.Score), l.Last)
	}

	lists := "lists"
	if len(m.Lists) == 1 {
		lists = "list"
	}
	fmt.Fprintf(w, "%s is a member of %d %s.\n", terminal.Escape(m.Addr), len(m.Lists), lists)
	if len(m.Lists) > 0 {
		if err := t.Write(w); err != nil {
			return err
		}
	}

	fmt.Fprintln(w)
	if len(m.Events) == 0 {
		fmt.Fprintln(w, "There are no events of this address.")
		return nil
	}
	for _, e := range m.Events {
		line := fmt.Sprintf("%s  %s  %s", e.At.Local().Format("2006-01-02 15:04"), e.List, e.Kind)
		if e.Before != e.After {
			line += fmt.Sprintf("  score %.1f", e.After)
		}

		if e.Then != "" {
			line += ", " + e.Then
		}

		fmt.Fprintln(w, terminal.Escape(line))
		if why := strings.TrimSpace(strings.Join([]string{e.Class, e.Status, e.Diagnostic}, " ")); why != "" {
			fmt.Fprintln(w, indent(terminal.Wrap(terminal.Escape(why), width-4)))
		}
	}

	return nil
}

func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ")
}
