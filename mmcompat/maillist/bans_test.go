package maillist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// Bans and automatic approval, against each release: answers and log lines.
func TestBanPatternsMatchAsMailmans(t *testing.T) {
	t.Parallel()
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testPatterns(t, mmtest.CloneOf(t, prefix)) })
	}
}

func testPatterns(t *testing.T, prefix string) {
	cfg := prefix + "/Mailman/mm_cfg.py"
	writeFile(t, cfg, append(readFile(t, cfg), "\nGLOBAL_BAN_LIST = ['^glob', 'Everywhere@example.net']\n"...))

	mmtest.MakeLists(t, prefix,
		mmtest.ListSpec{Name: "other", Members: []string{"Member@example.net"}},
		mmtest.ListSpec{Name: "l", Python: `
m.ban_list = ['Bad@Example.net', ' spaced@example.net ', '^.*@evil\\.example$', '^(', '^[\\w', '^x{2}$|y', '@other', '', '  ', '^a*+b']
m.subscribe_auto_approval = ['Friend@example.net', '^good', '@other', '@ OTHER ', '@l', '@nolist', '@', '^(', '@../x']
`})

	s := testSite(t, prefix)
	var log lines
	l, err := Open(s, "l", Options{Log: &log})
	if err != nil {
		t.Fatal(err)
	}

	addrs := []string{"bad@example.net", "BAD@EXAMPLE.NET", "spaced@example.net", " spaced@example.net ", "x@evil.example", "X@EVIL.EXAMPLE", "x@evil.example\n",
		"xx", "zy", "@other", "member@example.net", "MEMBER@example.net", "friend@example.net", "GoodOne@x", "nogood@x", "globe@x", "everywhere@example.net", "", "\u00e9@example.net"}
	auto := since(s, 19)
	if err := os.RemoveAll(filepath.Join(s.LogDir(), "error")); err != nil {
		t.Fatal(err)
	}

	var want [][]any
	approve := "False"
	if auto {
		approve = "m.HasAutoApprovedSender(x)"
	}

	pyJSON(t, prefix, "from Mailman import MailList\nm = MailList.MailList('l', lock=0)\n", "[m.GetBannedPattern(x), "+approve+"]", addrs, &want)
	for i, u := range addrs {
		x := latin1(u)
		p, banned, err1 := l.GetBannedPattern(x)
		ok, err2 := l.HasAutoApprovedSender(x)
		if err := errors.Join(err1, err2); err != nil {
			t.Errorf("%q: %v", x, err)
		}

		var pattern any
		if banned {
			pattern = wide(p)
		}

		if got := []any{pattern, ok}; fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("%q: got %q, need %q", x, got, want[i])
		}
	}

	var gotErrors []string
	vette := 0
	for _, line := range log {
		if strings.HasPrefix(line, "vette: l: auto approved subscribe from ") {
			vette++
		} else {
			gotErrors = append(gotErrors, line)
		}
	}

	wantErrors := strings.Split(logged(t, filepath.Join(s.LogDir(), "error")), "\n")
	wantErrors = slices.DeleteFunc(wantErrors, func(s string) bool { return s == "" })
	gotErrors = slices.DeleteFunc(gotErrors, func(s string) bool { return strings.HasPrefix(s, "mischief") })
	if !slices.Equal(gotErrors, wantErrors) {
		t.Errorf("logged\n%s\nwanted\n%s", strings.Join(gotErrors, "\n"), strings.Join(wantErrors, "\n"))
	}

	if auto != (vette > 0) {
		t.Errorf("%d automatic approvals logged", vette)
	}
}

// What neither Go nor a missing Python can tell goes back to the caller.
func TestPatternNeedsPython(t *testing.T) {
	s := madeSite(t)
	makeList(t, s, "l", func(d *pickle.Dict) {
		d.SetStr("ban_list", pickle.NewList(pickle.Str("^plain"), pickle.Str(`^(?=x)`)))
	})
	l, err := Open(s, "l", Options{})
	if err != nil {
		t.Fatal(err)
	}

	if p, ok, err := l.GetBannedPattern("plain@x"); p != "^plain" || !ok || err != nil {
		t.Errorf("got %q, %v, %v", p, ok, err)
	}

	var needs *ErrNeedsPython
	if _, _, err := l.GetBannedPattern("other@x"); !errors.As(err, &needs) {
		t.Errorf("got %v, need an ErrNeedsPython", err)
	}
}

// Each @listname is opened through Other, which the engine has its own way for.
func TestPatternOther(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	makeList(t, s, "l", nil)

	makeList(t, s, "m", func(d *pickle.Dict) {
		members := pickle.NewDict()
		members.SetStr("a@example.net", pickle.Int(0))
		d.SetStr("members", members)
	})

	var asked []string
	l, err := Open(s, "l", Options{Other: func(name string) (*List, error) {
		asked = append(asked, name)
		return Open(s, name, Options{})
	}})
	if err != nil {
		t.Fatal(err)
	}

	for addr, want := range map[string]bool{"A@example.net": true, "b@example.net": false} {
		if _, ok, err := l.GetPattern(addr, []string{"@m "}, "x"); ok != want || err != nil {
			t.Errorf("%s: got %v, %v, need %v", addr, ok, err, want)
		}
	}

	if !slices.Equal(asked, []string{"m", "m"}) {
		t.Errorf("opened %q", asked)
	}
}
