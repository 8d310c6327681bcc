package maillist

import (
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// A host_name of ” is a host like any other; only None stands for the site's own.
func TestSiteEmailOfEmptyHost(t *testing.T) {
	s := madeSite(t)
	makeList(t, s, "l", func(*pickle.Dict) {})
	l, err := Open(s, "l", Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	site := GetSiteEmail(l.Site(), "bounces")
	for _, c := range []struct {
		host pickle.Value
		want string
	}{
		{pickle.Str(""), "mailman-bounces@"}, {pickle.Unicode("h.example"), "mailman-bounces@h.example"}, {nil, site}, {pickle.Int(7), "mailman-bounces@7"},
	} {
		l.Set("host_name", c.host)
		if had := l.GetSiteEmail("bounces"); had != c.want {
			t.Errorf("host_name %v: got %q, need %q", c.host, had, c.want)
		}
	}
}
