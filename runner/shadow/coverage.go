package shadow

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
)

// Coverage says what kinds of entries were replayed, and so what was not tried.
type Coverage struct {
	// Outcomes are mmrunner's outcomes, by runner.
	Outcomes map[string]map[runner.Outcome]int `json:"outcomes"`
	// Disabled is how many members bounces have disabled, by Python's bounce log.
	Disabled int `json:"disabled"`
	// Commands are the mailed commands of entries, and those that the addresses for joining, leaving and confirming
	// stand for. NotSeen are the installation's other commands.
	Commands map[string]int `json:"commands"`
	NotSeen  []string       `json:"commands_not_seen"`
}

// addressed has the metadata keys of mail to a list's other addresses, and the commands that they stand for.
var addressed = []struct{ key, command string }{{"tojoin", "join"}, {"toleave", "leave"}, {"toconfirm", "confirm"}}

// mostLines is how many lines of a mail may be commands: mm_cfg.DEFAULT_MAIL_COMMANDS_MAX_LINES.
const mostLines = 10

// commandsIn returns the known commands that an entry of the command queue asks for.
func commandsIn(base string, b []byte, known []string) []string {
	it, err := qfile.Decode(base, b)
	if err != nil {
		return nil
	}

	// The addresses for joining, leaving and confirming ask for one command each.
	for _, a := range addressed {
		if it.Data.True(a.key) {
			return []string{a.command}
		}
	}

	m, err := it.Parse()
	if err != nil {
		return nil
	}

	// Subject and first lines: the first word of each may be a command.
	var found []string
	subject, _ := m.Get("subject")
	for _, line := range append([]string{subject}, firstLines(m)...) {
		if words := strings.Fields(strings.ToLower(line)); len(words) > 0 && slices.Contains(known, words[0]) {
			found = append(found, words[0])
		}
	}

	return found
}

// firstLines returns the first lines of a message's first text part.
func firstLines(m *message.Message) []string {
	for part := range m.Walk() {
		if part.GetContentType() != "text/plain" {
			continue
		}
		body, _, err := part.GetPayloadDecoded()
		if err != nil {
			return nil
		}

		lines := strings.Split(body, "\n")
		return lines[:min(len(lines), mostLines)]
	}

	return nil
}

// seen adds the entries of a batch.
func (c *Coverage) seen(b *Batch, outcomes map[runner.Outcome]int, commands []string, disabled int) {
	if c.Outcomes[b.Runner] == nil {
		c.Outcomes[b.Runner] = map[runner.Outcome]int{}
	}

	for outcome, n := range outcomes {
		c.Outcomes[b.Runner][outcome] += n
	}
	c.Disabled += disabled
	for _, name := range commands {
		c.Commands[name]++
		c.NotSeen = slices.DeleteFunc(c.NotSeen, func(other string) bool { return other == name })
	}
}

// disabledIn counts the members that were disabled according to a bounce log (Bouncer.disableBouncingMember).
func disabledIn(logDir string) int {
	b, err := os.ReadFile(filepath.Join(logDir, "bounce"))
	if err != nil {
		return 0 // no log, no line
	}
	return strings.Count(string(b), " disabling due to bounce score ") + strings.Count(string(b), " disabling due to probe bounce received")
}

// notCovered says which parts of an installation's work were not seen.
func (r *Report) notCovered() []string {
	var out []string
	for _, name := range r.Runners {
		n := 0
		for _, k := range r.Coverage.Outcomes[name] {
			n += k
		}

		if n == 0 {
			out = append(out, "an entry of "+name)
		}
	}

	if slices.Contains(r.Runners, "BounceRunner") && r.Coverage.Disabled == 0 {
		out = append(out, "a member who is disabled by bounces")
	}

	if slices.Contains(r.Runners, "CommandRunner") && len(r.Coverage.NotSeen) > 0 {
		out = append(out, "the commands "+strings.Join(r.Coverage.NotSeen, ", "))
	}

	return out
}

// enough is the number of entries that say something about a site.
const enough = 500

// Recommend says what to do after this shadow.
func (r *Report) Recommend() string {
	missing := strings.Join(r.notCovered(), "; ")
	switch {
	case r.Found > 0 && r.explained():
		return fmt.Sprintf("Look at the changes of this site's own in %s: mmrunner does what Mailman's own modules do there. "+
			"If you can do without the changes, install mmrunner; if not, do not.", strings.Join(r.ChangedModules, ", "))
	case r.Found > 0:
		return "Do not install mmrunner yet: report the differences below, the first of each cause will do."
	case r.Entries == 0:
		return "Let it run: nothing was replayed yet."
	case r.Entries < enough:
		return fmt.Sprintf("Let it run longer: %d entries are few. Not seen yet: %s.", r.Entries, orNothing(missing))
	case missing != "":
		return "Nothing speaks against installing mmrunner (mmrunner install). Not seen here: " + missing + "."
	}

	return "Install mmrunner: mmrunner install."
}

// explained tells whether every cause has a changed module that may explain it.
func (r *Report) explained() bool {
	for _, c := range r.Causes {
		if len(c.Modules) == 0 {
			return false
		}
	}
	return len(r.Causes) > 0
}

func orNothing(s string) string {
	if s == "" {
		return nothing
	}
	return s
}

// outcomeLines are a runner's outcomes in words, e.g. "12 registered".
func outcomeLines(outcomes map[runner.Outcome]int) []string {
	names := slices.Collect(maps.Keys(outcomes))
	sort.Slice(names, func(i, j int) bool {
		a, b := outcomes[names[i]], outcomes[names[j]]
		return a > b || a == b && names[i] < names[j]
	})

	var out []string
	for _, name := range names {
		out = append(out, fmt.Sprintf("%d %s", outcomes[name], name))
	}
	return out
}
