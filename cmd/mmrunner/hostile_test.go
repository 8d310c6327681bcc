package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// evil is text of an attacker: it clears the screen, sets the title, has text read backwards, and
// is both of the terminal's other kinds of control.
const evil = "e\x1b[2J\x1b]0;owned\a\u202e\u009b31m\x9b\r\x7fx"

// hostileSite makes a site of which every name that others may choose is evil.
func hostileSite(t *testing.T) string {
	t.Helper()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: []string{"anne@example.net"},
		Python: fmt.Sprintf("m.usernames['anne@example.net'] = %q; m.members['%s@example.net'] = 0; m.Save()", evil, "e\x1b[2J")})

	if err := own(filepath.Join(prefix, "Mailman", "mm_cfg.py")); err != nil {
		t.Fatal(err)
	}

	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(prefix, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o770); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(path, []byte(content), 0o660); err != nil {
			t.Fatal(err)
		}
	}

	config, err := os.ReadFile(filepath.Join(prefix, "lists", "test", "config.pck"))
	if err != nil {
		t.Fatal(err)
	}

	put("lists/"+evil+"/config.pck", string(config))
	put("lists/"+evil+"/config.pck.tmp.here.1", "torn")
	put("lists/"+evil+"/request.pck", "(dp1\nS'"+evil+"'\n")
	put("lists/torn"+evil+"/config.pck", "(dp1\nS'"+evil+"'\n")
	put("data/heldmsg-"+evil+"-1.pck", "S'"+evil+"'\n")
	put("data/mmrunner-history-"+evil+"-0-1.jsonl", `{"at":"2026-01-01T00:00:00Z","runner":"`+strings.ToValidUTF8("\u202e\u009b", "")+`","list":"\u001b[2J","entries":1,"outcomes":{"\u001b[2J":1}}`+"\n")
	put("locks/"+evil+".lock."+evil+".77.1", "")

	for _, queue := range []string{"bounces", "commands", "virgin", "shunt", evil} {
		put("qfiles/"+queue+"/1.5+"+strings.Repeat("a", 40)+".pck", "S'From: "+`\x1b[2J`+"@example.net\\nTo: a\\n\\nb'\n.(dp1\nS'listname'\np2\nS'"+`\x1b[2J`+"'\ns.")
		put("qfiles/"+queue+"/2.5+"+strings.Repeat("b", 40)+".pck", "torn"+evil)
		put("qfiles/"+queue+"/3.5+"+evil+".pck", "torn")
		put("qfiles/"+queue+"/3.5+"+evil+".bak", "torn")
	}

	put("Mailman/Bouncers/"+"x\x1b[2J.py", "")
	return prefix
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	prefix := hostileSite(t)
	work, temp := t.TempDir(), t.TempDir()
	file := filepath.Join(work, evil)
	if err := os.WriteFile(file, []byte("From: MAILER-DAEMON@example.net\nX-Failed-Recipients: a\x1b[2J@example.net\n\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	torn := filepath.Join(work, "torn"+evil)
	if err := os.WriteFile(torn, []byte("(dp1\nS'"+evil+"'\nI1\ns."), 0o600); err != nil {
		t.Fatal(err)
	}

	page := filepath.Join(work, "page.html")

	covered := map[string]bool{}
	for _, args := range [][]string{
		{evil}, {"--" + evil}, {"status", evil}, {"help", evil}, {"json"},
		{"version"}, {"version", evil}, {"probe"}, {"probe", "--json"},
		{"verify"}, {"verify", "--json"}, {"verify", evil}, {"verify", "nosuch" + evil},
		{"verify", "--file", torn, "--against", torn}, {"verify", "--file", file, "--against", torn},
		{"status"}, {"status", "--json"}, {"status", "--check"}, {"status", "--queue", "bounces"}, {"status", "--queue", evil},
		{"status", "--warn", evil}, {"shunt"}, {"shunt", "list"}, {"shunt", "list", "--json"}, {"shunt", "show", "1.5"},
		{"shunt", "show", "--json", "1.5"}, {"shunt", "show", "3.5+e\x1b"}, {"shunt", "retry", evil}, {"shunt", "discard", "--all"},
		{"shadow", "--once", "--spool", filepath.Join(work, "spool"), "--report", page}, {"shadow", "--once", evil},
		{"install", "--dry-run"}, {"install", "--dry-run", "--binary", file}, {"uninstall", "--dry-run"},
		{"run", evil}, {"run", "--slice", evil}, {"qrunner", "-r", evil}, {"qrunner", evil},
		{"detect", file}, {"detect", "--json", file}, {"detect", evil},
		{"dump", torn}, {"dump", "--json", torn}, {"dump", file}, {"dump", "--json", file},
		{"demo", "--members", evil}, {"bench", "--members", evil}, {"man", file}, {"completion", evil}, {"settings"}, {"settings", evil},
		{"__complete", "verify", ""}, {"__complete", "dump", ""},
		{"json"}, {"lmtp", "--config", "postfix"}, {"lmtp", "--config", evil}, {"lmtp", "--check", evil}, {"lmtp", "--listen", evil}, {"lmtp", evil},
		{"report"}, {"report", evil}, {"enable", evil}, {"enable", "--domain", evil}, {"release", evil}, {"release"},
		{"drain", evil}, {"drain"}, {"drain", "--json"}, {"status", "--json"}, {"probe", "--prefix", file},
	} {
		if i := slices.IndexFunc(args, func(a string) bool { return a != evil && !strings.HasPrefix(a, "-") }); i >= 0 {
			covered[args[i]] = true
		}

		cmd := exec.Command(program(t), args...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "MAILMAN_PREFIX="+prefix, "TMPDIR="+temp)
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Run() // most of them fail, as they should

		for name, text := range map[string]string{"standard output": stdout.String(), "standard error": stderr.String()} {
			if at := unshowable(text); at != "" {
				t.Errorf("mmrunner %q: %s has %q", args, name, at)
			}
		}

		if stdout.Len()+stderr.Len() == 0 && args[0] != "man" {
			t.Errorf("mmrunner %q says nothing", args)
		}
	}

	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}

	if at := unshowable(string(b)); at != "" {
		t.Errorf("the shadow's page has %q", at)
	}

	for _, cmd := range newRoot().Commands() {
		if !cmd.Hidden && cmd.Name() != "help" && !covered[cmd.Name()] {
			t.Errorf("%s is not tried", cmd.Name())
		}
	}
}

// unshowable is where a text has a character that is not for a terminal, with what is around it; "" if it has none.
func unshowable(text string) string {
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) && r != '\n' && r != '\t' {
			return text[max(0, i-60):min(len(text), i+20)]
		}
	}
	return ""
}
