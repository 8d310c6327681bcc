package command

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/membership"
)

var (
	docInfo         = doc("info")
	textNoInfo      = key("Commands/cmd_info", "n/a")
	textListName    = key("Commands/cmd_info", "List name: ")
	textDescription = key("Commands/cmd_info", "Description: ")
	textPostings    = key("Commands/cmd_info", "Postings to: ")
	textHelpbot     = key("Commands/cmd_info", "List Helpbot: ")
	textOwners      = key("Commands/cmd_info", "List Owners: ")
	textMore        = key("Commands/cmd_info", "More information: ")
)

// info is cmd_info: it shows what the list says about itself.
func info(r *results, args []string) (bool, error) {
	if len(args) > 0 {
		r.results = append(r.results, r.gethelp(docInfo))
		return true, nil
	}

	vars := i18n.Vars{
		"listname":    r.attr("real_name"),
		"description": r.description(r.l, textNoInfo),
		"postaddr":    r.l.GetListEmail(),
		"requestaddr": r.l.GetRequestEmail(""),
		"owneraddr":   r.l.GetOwnerEmail(),
		"listurl":     r.l.GetScriptURL("listinfo"),
	}

	for _, k := range []membership.TextKey{textListName, textDescription, textPostings, textHelpbot, textOwners, textMore} {
		r.add(k, vars)
	}
	return false, nil
}

// attr is an attribute of the list that may be str or unicode.
func (r *results) attr(name string) i18n.Text { return membership.Attr(r.l, name) }

// description returns a list's description, or the text none.
func (r *results) description(l *maillist.List, none membership.TextKey) i18n.Text {
	if !l.Bool("description") {
		return r.say(none, nil)
	}
	return membership.Attr(l, "description")
}
