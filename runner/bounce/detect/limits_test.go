package detect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// What is only large is found out as ever, by Python if it takes too long here.
func TestLargeMailIsLookedThrough(t *testing.T) {
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}

	const (
		novell  = "X-Mailer: Novell\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n"
		angles  = "From: a@example.net\n\nhere is your list of failed recipients\n"
		lengthy = "the bounce has too many lines that may have an address"
	)

	d := detectorOf(t, mmtest.Prefix(t))
	for _, c := range []struct {
		name, text string
		want       Result
	}{
		{"two addresses in turn", novell + strings.Repeat("a@b \nc@d \n", maxFinds/2), Result{Module: "GroupWise", Addrs: []string{"a@b", "c@d"}}},
		{"once too often", novell + strings.Repeat("a@b \nc@d \n", maxFinds/2) + "e@f\n", Result{NeedPython: lengthy}},
		{"the same address", novell + strings.Repeat("a@b \n", 3*maxFinds), Result{Module: "GroupWise", Addrs: []string{"a@b"}}},
		{"a table in HTML", angles + many("<td id=%d>\n", maxFinds-1) + "<a@b.example>\n", Result{Module: "SimpleMatch", Addrs: []string{"a@b.example"}}},
		{"a longer table", angles + many("<td id=%d>\n", maxFinds) + "<a@b.example>\n", Result{NeedPython: lengthy}},
		{"lines that may have one", angles + strings.Repeat("<>\n", maxHits-1) + "<a@b.example>\n", Result{Module: "SimpleMatch", Addrs: []string{"a@b.example"}}},
		{"more of these", angles + strings.Repeat("<>\n", maxHits) + "<a@b.example>\n", Result{NeedPython: lengthy}},
		{"addresses", angles + many("<a%d@b.example>\n", maxAddrs+1), Result{Module: "SimpleMatch", Err: errAddrs}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := message.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(c.want, d.Scan(m), cmp.Comparer(func(a, b error) bool { return a == b })); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}
