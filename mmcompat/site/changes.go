package site

import (
	"slices"
	"strings"
)

// replacedBy has the modules whose work mmrunner does in Go, besides commands and bounce modules, with the runners in
// which it does so; nil means all runners. A site's changes to them have no effect there.
var replacedBy = map[string][]string{
	"Deliverer": nil, "Handlers/Hold": nil, "ListAdmin": nil, "LockFile": nil, "MailList": nil, "MemberAdaptor": nil,
	"Message": nil, "OldStyleMemberships": nil, "Pending": nil, "Queue/Runner": nil, "Queue/Switchboard": nil,
	"SafeDict": nil, "SecurityManager": nil, "Site": nil, "UserDesc": nil, "Utils": nil, "i18n": nil,

	"Bouncer":             {"BounceRunner"},
	"Queue/BounceRunner":  {"BounceRunner"},
	"Autoresponder":       {"CommandRunner"},
	"Handlers/Replybot":   {"CommandRunner"},
	"Queue/CommandRunner": {"CommandRunner"},

	"Handlers/CookHeaders": {"VirginRunner"},
	"Handlers/ToOutgoing":  {"VirginRunner"},
	"Queue/IncomingRunner": {"VirginRunner"},
	"Queue/VirginRunner":   {"VirginRunner"},

	"Handlers/Decorate":    {"OutgoingRunner"},
	"Handlers/SMTPDirect":  {"OutgoingRunner"},
	"Queue/OutgoingRunner": {"OutgoingRunner"},
}

// IgnoreChanges is the setting in mm_cfg.py that has mmrunner take also the place of runners whose modules the site has
// changed, without the changes.
const IgnoreChanges = "MMRUNNER_IGNORE_CHANGES"

// Changed is the first of the modules that the site has changed; "" if there is none, or if the site has said to ignore
// its changes.
func (s *Site) Changed(modules []string) string {
	if s.Bool(IgnoreChanges) {
		return ""
	}

	for _, name := range modules {
		if m, ok := s.Profile.Modules[name]; ok && !m.Known {
			return name
		}
	}

	return ""
}

func replaced(module string) bool {
	_, ok := replacedBy[module]
	return ok
}

// WithoutEffect returns the modules, like "Bouncer.py", that the site has changed and whose work mmrunner does in the
// runner of that class name; for "", in any runner. Changed commands and bounce modules are left out: Python runs
// those, entry by entry.
func (p *Profile) WithoutEffect(runner string) []string {
	var names []string
	for _, name := range p.Custom {
		if by, ok := replacedBy[name]; ok && (by == nil || runner == "" || slices.Contains(by, runner)) {
			names = append(names, name+".py")
		}
	}
	return names
}

// WithoutEffectText says which changes have no effect, as a sentence; "" without such changes.
func (p *Profile) WithoutEffectText(runner string) string {
	names := p.WithoutEffect(runner)
	if len(names) == 0 {
		return ""
	}
	return "these changes of yours have no effect under mmrunner: " + strings.Join(names, ", ")
}
