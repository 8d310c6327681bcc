package site

import (
	"slices"
	"strings"
)

// replacedBy are the modules beside commands and bounce modules whose work mmrunner does in Go, with the runners in
// which it does: nil stands for all. A site's changes in them have no effect there.
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

func replaced(module string) bool {
	_, ok := replacedBy[module]
	return ok
}

// WithoutEffect returns the modules, as "Bouncer.py", that the site has changed and whose work mmrunner does in the
// place of the runner of that class name; of any runner for "". Changed commands and bounce modules are not among
// them: Python runs those, entry by entry.
func (p *Profile) WithoutEffect(runner string) []string {
	var names []string
	for _, name := range p.Custom {
		if by, ok := replacedBy[name]; ok && (by == nil || runner == "" || slices.Contains(by, runner)) {
			names = append(names, name+".py")
		}
	}
	return names
}

// WithoutEffectText says which changes have no effect, for those to whom it matters; "" if there are none.
func (p *Profile) WithoutEffectText(runner string) string {
	names := p.WithoutEffect(runner)
	if len(names) == 0 {
		return ""
	}
	return "these changes of yours have no effect under mmrunner: " + strings.Join(names, ", ")
}
