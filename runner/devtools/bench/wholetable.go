package bench

import (
	"fmt"
	"io"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// PrintWhole writes the rows as a table.
func PrintWhole(w io.Writer, rows []WholeRow) error {
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "QUEUES TO MAIL SERVER", Flex: true}, number("MEMBERS"), number("ENTRIES"), number("MAIL"),
		number("TOOK"), number("EACH"), number("CPU EACH"), number("LOCK"), number("PAGE WAITS"))
	for _, r := range rows {
		t.Row(r.Who, fmt.Sprint(r.Members), fmt.Sprint(r.entries()), fmt.Sprint(r.Messages), fmt.Sprintf("%.1f s", r.Elapsed),
			fmt.Sprintf("%.1f ms", r.each()*1e3), fmt.Sprintf("%.1f ms", r.CPU*1e3/float64(max(r.entries(), 1))), fmt.Sprintf("%.1f %%", r.Held*100),
			fmt.Sprintf("%.2f-%.2f s", r.Median, r.Longest))
	}
	return t.Write(w)
}

// Budgets of the whole way: how long a page may wait for the lock in the median and at
// most, which is one poll of LockFile's.
const (
	pageMedian  = 0.05
	pageLongest = 2.1
)

// OverWhole returns a sentence for each figure of mmrunner's over its budget.
func OverWhole(rows []WholeRow) (over []string) {
	for _, r := range rows {
		if r.Who != "mmrunner" || r.Median <= pageMedian && r.Longest <= pageLongest {
			continue
		}
		over = append(over, fmt.Sprintf("the whole way on %d members: a page waited %.2f s in the median and %.2f s at most, need %.2f and %.2f s",
			r.Members, r.Median, r.Longest, pageMedian, pageLongest))
	}
	return over
}
