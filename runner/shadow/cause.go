package shadow

import (
	"regexp"
	"slices"
	"sort"
	"strings"
)

// Cause is a group of differences of one kind: in the same place of any list, queue or log, and on the same side.
type Cause struct {
	What  string `json:"what"`
	Count int    `json:"count"`
	// Batches are the first few batches in which it was seen, Example is the first difference.
	Batches []int      `json:"batches"`
	Example Difference `json:"example"`
	// Modules are modules of Mailman that the site has changed and that may explain it: mmrunner does what Mailman's
	// own module does.
	Modules []string `json:"modules"`
}

// shownBatches is how many batches of a cause are named.
const shownBatches = 10

var (
	// quotedKey matches a key of a dict in a path of pickle.Diff.
	quotedKey = regexp.MustCompile(`\[u?'(?:[^'\\]|\\.)*'\]`)
	lineAt    = regexp.MustCompile(`^from line \d+`)
)

// kind names the cause of a difference, so that differences of one cause can be counted together.
func (d Difference) kind() string {
	// Without the list's name, and without numbers of lines.
	where := d.Where
	if rest, ok := strings.CutPrefix(where, "list "); ok {
		if i := strings.LastIndex(rest, ", "); i >= 0 {
			where = rest[i+2:]
		}
	} else if strings.HasPrefix(where, "data/heldmsg-") {
		where = "held messages"
	}

	path := lineAt.ReplaceAllString(d.Path, "from some line")
	path, _, _ = strings.Cut(path, ", after ")

	// The first key is a setting or table of the list; further keys are members.
	if first := quotedKey.FindString(path); first != "" && strings.HasPrefix(path, first) {
		path = first + quotedKey.ReplaceAllString(path[len(first):], "[...]")
	}

	switch {
	case d.Python == nothing:
		path += ", only with mmrunner"
	case d.Mmrunner == nothing:
		path += ", only with Python"
	}

	return where + ": " + path
}

// explains says about which parts of Mailman's state and mail a module decides, by words of a cause.
var explains = map[string][]string{
	"Bouncer":              {"bounce_info", "delivery_status", "log bounce", "queue virgin"},
	"Queue/BounceRunner":   {"bounce_info", "delivery_status", "log bounce", "queue virgin", "bounce-events"},
	"Queue/CommandRunner":  {"queue virgin", "log vette", "log error"},
	"Queue/VirginRunner":   {"queue out", "queue in"},
	"Queue/Runner":         {"queue shunt", "queue bad", "log error"},
	"Queue/Switchboard":    {"queue "},
	"Pending":              {"pending.pck"},
	"ListAdmin":            {"request.pck", "held messages", "log vette"},
	"MailList":             {"config.pck", "pending.pck", "log subscribe", "queue virgin"},
	"OldStyleMemberships":  {"config.pck"},
	"SecurityManager":      {"passwords", "config.pck"},
	"Deliverer":            {"queue virgin"},
	"Message":              {"queue "},
	"Utils":                {"queue virgin", "passwords"},
	"i18n":                 {"queue virgin"},
	"Handlers/Replybot":    {"queue virgin", "postings_responses", "admin_responses"},
	"Handlers/CookHeaders": {"queue out"},
}

// causes groups differences by cause, those with the most differences first. changed are the modules that the site has
// changed.
func causes(all []Difference, changed []string) []Cause {
	by := map[string]*Cause{}
	for _, d := range all {
		kind := d.kind()
		c := by[kind]
		if c == nil {
			// A changed module may explain the difference.
			c = &Cause{What: kind, Example: d, Batches: []int{}, Modules: []string{}}
			for _, module := range changed {
				for _, word := range explains[module] {
					if strings.Contains(kind, word) && !slices.Contains(c.Modules, module) {
						c.Modules = append(c.Modules, module)
					}
				}
			}

			by[kind] = c
		}

		c.Count++
		if len(c.Batches) < shownBatches && !slices.Contains(c.Batches, d.Batch) {
			c.Batches = append(c.Batches, d.Batch)
		}
	}

	out := []Cause{}
	for _, c := range by {
		out = append(out, *c)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Count > out[j].Count || out[i].Count == out[j].Count && out[i].What < out[j].What
	})
	return out
}
