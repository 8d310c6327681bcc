package bounce

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/runner/events"
)

// noticeOfGuard sends the owner the figures, and says what can be done.
func (r *register) noticeOfGuard(held []*candidate) error {
	domains, reasons := map[string]int{}, map[string]int{}
	for _, c := range held {
		domains[domainOf(c.member)]++
		reasons[events.Plain(c.reason.Diagnostic)]++
	}

	name := r.l.Name()
	body := fmt.Sprintf(`Bounces would have disabled %d members of %s at once, and the
bounces are alike. These members are held: they still get mail, and nothing is
done to them until you decide. More of them may follow today, without another
notice.

Their domains:
%s
The mail servers said:
%s
To see more:
    mmrunner report %[2]s
If their addresses are not at fault:
    mmrunner enable %[2]s --held --apply
To have them disabled after all:
    mmrunner release %[2]s --apply
`, len(held), name, top(domains), top(reasons))

	subject := fmt.Sprintf("%s: %d members held by the bounce guard", name, len(held))
	n, err := r.m.UserNotification(r.l.GetOwnerEmail(), r.l.GetSiteEmail(""), subject, body, r.l.Str("preferred_language"))
	if err != nil {
		return err
	}

	return r.m.Send(n)
}

// top returns the most frequent names, one in each line.
func top(counts map[string]int) string {
	const most = 10
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})

	var b strings.Builder
	for _, name := range names[:min(most, len(names))] {
		n := counts[name]
		if name == "" {
			name = "(nothing)"
		}
		fmt.Fprintf(&b, "%6d  %s\n", n, ascii(name))
	}

	return b.String()
}

// ascii replaces characters that not every charset has.
func ascii(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}
