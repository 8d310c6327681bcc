package shadow

import (
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/runner"
)

// Differences that come from one thing are one line of the report, whatever list, member or line they are in.
func TestDifferencesAreGroupedByCause(t *testing.T) {
	all := []Difference{
		{Batch: 1, Where: "list a, config.pck", Path: "['bounce_info']['anne@example.net']['score']", Python: "1.0", Mmrunner: "2.0"},
		{Batch: 2, Where: "list b, config.pck", Path: "['bounce_info']['bart@example.net']['score']", Python: "1.0", Mmrunner: "3.0"},
		{Batch: 2, Where: "queue virgin", Path: "the whole of it", Python: nothing, Mmrunner: "mail"},
		{Batch: 3, Where: "queue virgin", Path: "from line 7, after 'x'", Python: "a", Mmrunner: "b"},
		{Batch: 3, Where: "queue virgin", Path: "from line 9, after 'y'", Python: "a", Mmrunner: "b"},
		{Batch: 4, Where: "list c, with a comma, pending.pck", Path: "the whole of it", Python: "a", Mmrunner: nothing},
	}

	var got []string
	for _, c := range causes(all, []string{"Pending", "Archiver"}) {
		got = append(got, strings.Repeat("*", c.Count)+" "+c.What+" "+strings.Join(c.Modules, " "))
	}
	want := "** config.pck: ['bounce_info'][...][...] |** queue virgin: from some line |" +
		"* pending.pck: the whole of it, only with Python Pending|* queue virgin: the whole of it, only with mmrunner "
	if got := strings.Join(got, "|"); got != want {
		t.Errorf("got\n%s\nneed\n%s", got, want)
	}
}

func TestRecommendationFollowsFromWhatWasSeen(t *testing.T) {
	full := Coverage{Outcomes: map[string]map[runner.Outcome]int{"BounceRunner": {runner.Registered: 900}}, Disabled: 3}
	for _, test := range []struct {
		r    Report
		want string
	}{
		{Report{}, "Let it run: nothing was replayed yet."},
		{Report{Entries: 900, Runners: []string{"BounceRunner"}, Coverage: full}, "Install mmrunner"},
		{Report{Entries: 900, Runners: []string{"BounceRunner", "CommandRunner"}, Coverage: full}, "Not seen here: an entry of CommandRunner."},
		{Report{Entries: 9, Runners: []string{"BounceRunner"}, Coverage: full}, "9 entries are few"},
		{Report{Entries: 900, Found: 1, Causes: []Cause{{}}}, "Do not install mmrunner yet"},
		{Report{Entries: 900, Found: 1, Causes: []Cause{{Modules: []string{"Bouncer"}}}, ChangedModules: []string{"Bouncer"}}, "Look at the changes of this site's own in Bouncer"},
	} {
		if got := test.r.Recommend(); !strings.Contains(got, test.want) {
			t.Errorf("%+v: got %q, need %q", test.r, got, test.want)
		}
	}
}

// A shadow that dies leaves a page that says that it was running, and a browser looks again.
func TestReportOfARunningShadowSaysSo(t *testing.T) {
	for _, running := range []bool{true, false} {
		var b strings.Builder
		r := Report{Running: running, Entries: 3, Differences: []Difference{{Where: "list <x>\x1b", Python: "\u202e", Mmrunner: "b"}}, Found: 1}
		if err := r.HTML(&b); err != nil {
			t.Fatal(err)
		}

		if got := strings.Contains(b.String(), "so far") && strings.Contains(b.String(), `http-equiv="refresh"`); got != running {
			t.Errorf("running %v, and the page says %v", running, got)
		}

		if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Contains(b.String(), "<x>") {
			t.Errorf("a name is not escaped in\n%s", b.String())
		}
	}
}
