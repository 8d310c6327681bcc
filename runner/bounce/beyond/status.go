package beyond

import (
	"mime"
	"regexp"
	"strings"
)

// group is the fields of one recipient in a report of delivery (RFC 3464, 2.3).
type group struct {
	original, final string // the fields' values
	action, status  string
	diagnostic      string
}

// statusGroups are the groups of the report's own message/delivery-status parts.
func (r *report) statusGroups() []group {
	var all []group
	for _, s := range r.status {
		all = append(all, groups(strings.Split(s, "\n"))...)
	}
	return all
}

// textGroups are the groups in the report's texts.
func (r *report) textGroups() []group {
	var all []group
	for _, s := range r.texts {
		for _, g := range groups(strings.Split(s, "\n")) {
			if g.action != "" || g.status != "" {
				all = append(all, g)
			}
		}
	}

	return all
}

// field is a line of a report: a name, a colon and a value. Some
// systems put spaces before the colon.
var field = regexp.MustCompile(`^\s*([A-Za-z][A-Za-z-]*)\s*:\s*(.*)$`)

// groups reads lines of fields. A blank line ends a group only if the group is
// whole: some systems put one between a group's fields, and some none between two
// groups.
func groups(lines []string) []group {
	var all []group
	var g group
	blank := false
	last := "" // the field before, for a line that continues it

	flush := func() {
		if g.original != "" || g.final != "" {
			all = append(all, g)
		}
		g = group{}
	}

	for _, line := range lines {
		line = strings.TrimRight(line, "\r")
		if strings.TrimSpace(line) == "" {
			blank, last = true, ""
			continue
		}

		if last != "" && (line[0] == ' ' || line[0] == '\t') {
			if p := g.value(last); p != nil {
				*p += " " + strings.TrimSpace(line)
			}
			continue
		}

		m := field.FindStringSubmatch(line)
		if m == nil {
			last = ""
			continue
		}
		last = strings.ToLower(m[1])
		p := g.value(last)
		if p == nil {
			continue
		}

		// Whether this field begins another group.
		whole := (g.original != "" || g.final != "") && (g.action != "" || g.status != "")
		if *p != "" || blank && (whole || g.original == "" && g.final == "" && !isRecipientField(last)) {
			flush()
		}

		blank = false
		if p = g.value(last); *p == "" {
			*p = strings.TrimSpace(m[2])
		}
	}

	flush()
	return all
}

func isRecipientField(name string) bool {
	return name == "final-recipient" || name == "original-recipient"
}

// value is the place for the value of a field, nil for a field that is not kept.
func (g *group) value(name string) *string {
	switch name {
	case "original-recipient":
		return &g.original
	case "final-recipient":
		return &g.final
	case "action":
		return &g.action
	case "status":
		return &g.status
	case "diagnostic-code":
		return &g.diagnostic
	}

	return nil
}

// kind says what became of the group's recipient. The action decides (RFC 3464,
// 2.3.3), or the status (2.3.4) where no action that RFC 3464 knows is given.
func (g *group) kind() Kind {
	action := strings.ToLower(g.action)
	for _, a := range []struct {
		begins string
		kind   Kind
	}{
		{"fail", Bounce}, {"error", Bounce}, {"expired", Bounce}, {"undeliver", Bounce}, {"reject", Bounce},
		{"delay", Delayed}, {"relay", delivered}, {"deliver", delivered}, {"expand", delivered},
	} {
		if strings.HasPrefix(action, a.begins) {
			return a.kind
		}
	}

	switch {
	case strings.HasPrefix(g.status, "5."):
		return Bounce
	case strings.HasPrefix(g.status, "4."):
		return Delayed
	case strings.HasPrefix(g.status, "2."):
		return delivered
	}

	return None
}

// failures are the failed recipients of groups.
func (r *report) failures(groups []group) []Recipient {
	var found [][]string
	for _, g := range groups {
		if g.kind() == Bounce {
			// The message was sent to the original recipient (RFC 3464, 2.3.1).
			found = append(found, append(typed(g.original), typed(g.final)...))
		}
	}
	return r.recipients(found)
}

// progress is the kind of a report in which no group has failed.
func progress(groups []group) Kind {
	kind := None
	for _, g := range groups {
		switch g.kind() {
		case Bounce:
			return None
		case Delayed:
			kind = Delayed
		case delivered:
			if kind == None {
				kind = delivered
			}
		}
	}

	return kind
}

// typed is the address in a field that has the address's type before it, such as
// rfc822, utf-8 or one of a gateway. It may be encoded.
func typed(value string) []string {
	if kind, rest, ok := strings.Cut(value, ";"); ok && !strings.ContainsAny(kind, "@<") {
		value = rest
	}

	value = strings.TrimSpace(value)

	// An encoded word that took the local part's place.
	if strings.Contains(value, "=?") {
		if d, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			value = d
		}
	}

	if u := unescape(value); u != value {
		value = u
	}

	if !strings.Contains(value, "@") {
		value = unxtext(value)
	}

	for _, a := range addresses(value) {
		return []string{strings.Trim(a.text, "'")}
	}
	return nil
}
