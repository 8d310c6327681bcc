package command

import (
	"maps"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
)

var textOptions = key("Commands/cmd_help", "You can access your personal options")

// The answer to help includes its own help.
var _ = doc("help")

// help is cmd_help: it shows where a member finds the options page, and the help of each command.
func help(r *results, _ []string) (bool, error) {
	senders, err := r.senders()
	if err != nil {
		return false, err
	}

	// A member may write from any of its addresses; the first that is a member counts.
	for _, sender := range senders {
		if r.l.IsMember(sender) {
			r.add(textOptions, nil)
			r.results = append(r.results, r.l.GetOptionsURL(sender, false), "")
			break
		}
	}

	// Commands in the order of their names, each by its module's own help.
	var commands strings.Builder
	for _, cmd := range slices.Sorted(maps.Keys(helpTexts)) {
		if r.hasHelp(cmd) {
			commands.WriteString(helpTexts[cmd](r))
		}
	}

	answer, _, err := r.t.Maketext("help.txt", i18n.Vars{
		"listname":     r.attr("real_name"),
		"version":      r.s.Profile.Version,
		"listinfo_url": r.l.GetScriptURL("listinfo"),
		"requestaddr":  r.l.GetRequestEmail(""),
		"adminaddr":    r.l.GetOwnerEmail(),
		"commands":     commands.String(),
	}, r.lang, r.l.Info(), true)
	if err != nil {
		return false, err
	}
	r.results = append(r.results, "help", answer)
	return false, nil
}

// helpTexts are the gethelp() functions of the commands that have one.
var helpTexts map[string]func(*results) string

func init() {
	// This is not in the declaration, since the commands use helpTexts themselves.
	helpTexts = map[string]func(*results) string{"set": setHelp, "who": whoHelp}
	for _, cmd := range docs {
		helpTexts[cmd] = func(r *results) string { return r.gethelp(cmd) }
	}
}

// hasHelp tells whether the installed command has a gethelp().
func (r *results) hasHelp(cmd string) bool {
	if len(r.s.Profile.Commands) == 0 {
		return true
	}
	return r.s.Profile.Commands[cmd].Defines("gethelp")
}

// gethelp returns the help of a command that is its module's docstring.
func (r *results) gethelp(cmd string) string {
	doc, ok := r.s.Profile.Doc("Commands/cmd_"+cmd, "")
	if !ok || doc == "" {
		return ""
	}
	return r.t.Underscore(r.m.Language().Lang, doc, nil)
}
