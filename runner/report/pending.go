package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// PendingReport has the figures of subscriptions that wait for their confirmation.
type PendingReport struct {
	At        time.Time `json:"at"`
	Pending   int       `json:"pending"`
	Lists     []Number  `json:"lists"`
	Addresses []Number  `json:"addresses"`
	Domains   []Number  `json:"domains"`
	Days      []Number  `json:"days"`
	// Sources are their origins by the log subscribe: an IP address for a web page, a mail
	// address for a message.
	Sources []Number `json:"sources"`
	Unread  []string `json:"unread"`
}

// Number is how many of something there are.
type Number struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// pendingLine is a line of the log subscribe for a subscription that is to be confirmed:
// the list, the address (with a name or without) and the origin.
var pendingLine = regexp.MustCompile(`\) ([^ :]+): pending (?:.*<)?([^<> ]+@[^<> ]+)>?  (\S.*)$`)

// Pending makes a report of what waits for confirmation. Errors are Build's.
func Pending(s *site.Site, o Options) (*PendingReport, error) {
	names, err := listNames(s, o.Lists)
	if err != nil {
		return nil, err
	}

	r := &PendingReport{At: o.Now, Unread: []string{}}
	lists, addrs, domains, days, sources := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	waits := map[string]bool{}
	for _, name := range names {
		l, err := maillist.Open(s, name, maillist.Options{})
		if err != nil {
			r.Unread = append(r.Unread, fmt.Sprintf("%s: %v", name, err))
			continue
		}

		db, err := pending.Open(l, pending.Options{})
		if err != nil {
			r.Unread = append(r.Unread, fmt.Sprintf("%s: %v", name, err))
			continue
		}

		for a := range db.Subscriptions() {
			if a.Begun.Before(o.Since) {
				continue
			}
			r.Pending++
			lists[name]++
			addrs[a.Addr]++
			domains[domainOf(a.Addr)]++
			days[a.Begun.Local().Format(time.DateOnly)]++
			waits[name+" "+a.Addr] = true
		}
	}

	if err := readSources(filepath.Join(s.LogDir(), "subscribe"), waits, sources); err != nil {
		r.Unread = append(r.Unread, fmt.Sprintf("logs/subscribe: %v", err))
	}

	r.Lists, r.Addresses, r.Domains, r.Sources = numbers(lists, o.Most), numbers(addrs, o.Most), numbers(domains, o.Most), numbers(sources, o.Most)
	r.Days = numbers(days, 0)
	slices.SortFunc(r.Days, func(a, b Number) int { return strings.Compare(a.Name, b.Name) })
	return r, nil
}

// readSources counts the origins of subscriptions that wait.
func readSources(log string, waits map[string]bool, sources map[string]int) error {
	f, err := os.Open(log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)

	for lines.Scan() {
		if m := pendingLine.FindStringSubmatch(lines.Text()); m != nil && waits[m[1]+" "+py.Lower(m[2])] {
			sources[strings.TrimSpace(m[3])]++
		}
	}

	return lines.Err()
}

// numbers are counts, the largest first; most is how many, 0 for all.
func numbers(counts map[string]int, most int) []Number {
	all := []Number{}
	for name, n := range counts {
		all = append(all, Number{name, n})
	}

	slices.SortFunc(all, func(a, b Number) int {
		if d := b.Count - a.Count; d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})

	if most > 0 && len(all) > most {
		all = all[:most]
	}

	return all
}

// Text writes the report as text, no wider than that many columns.
func (r *PendingReport) Text(w io.Writer, width int) error {
	fmt.Fprintf(w, "%d subscriptions wait for confirmation.\n", r.Pending)
	for _, s := range []struct {
		title string
		all   []Number
	}{{"LIST", r.Lists}, {"ADDRESS", r.Addresses}, {"DOMAIN", r.Domains}, {"SOURCE", r.Sources}, {"DAY", r.Days}} {
		if len(s.all) == 0 {
			continue
		}
		fmt.Fprintln(w)
		t := terminal.NewTable(width, terminal.Column{Title: s.title, Flex: true}, right("PENDING"))
		for _, n := range s.all {
			t.Row(n.Name, fmt.Sprint(n.Count))
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
