package command

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/membership"
)

var (
	docLists            = doc("lists")
	textListsUsage      = key("Commands/cmd_lists", "Usage:")
	textPublic          = key("Commands/cmd_lists", "Public mailing lists at")
	textNoDescription   = key("Commands/cmd_lists", "n/a")
	textListEntry       = key("Commands/cmd_lists", "%(i)3d. List name: ")
	textListDescription = key("Commands/cmd_lists", "     Description: ")
	textListRequests    = key("Commands/cmd_lists", "     Requests to: ")
)

// lists is cmd_lists: it shows the advertised lists of this host, and this list.
func lists(r *results, args []string) (bool, error) {
	// Arguments are an error: show the usage.
	if len(args) > 0 {
		r.add(textListsUsage, nil)
		r.results = append(r.results, r.gethelp(docLists))
		return true, nil
	}

	r.add(textPublic, i18n.Vars{"hostname": r.attr("host_name")})
	names, err := r.b.ListNames()
	if err != nil {
		return false, err
	}

	// cmd_lists sorts the names, and numbers what it shows.
	names = slices.Sorted(slices.Values(names))
	i := 1
	for _, name := range names {
		var l *maillist.List
		// The list of this transaction is in memory, with changes that are not saved yet.
		if name == r.l.Name() {
			l = r.l
		} else {
			if l, err = r.b.Peek(name); err != nil {
				return false, err
			}
			if !l.Bool("advertised") {
				continue
			}
		}

		// With VIRTUAL_HOST_OVERVIEW each host shows its own lists only.
		if r.s.Bool("VIRTUAL_HOST_OVERVIEW") && l.HostName() != r.l.HostName() {
			continue
		}

		// A blank line between two lists.
		if i > 1 {
			r.results = append(r.results, "")
		}

		r.add(textListEntry, i18n.Vars{"i": i, "realname": membership.Attr(l, "real_name")})
		r.add(textListDescription, i18n.Vars{"description": r.description(l, textNoDescription)})
		r.add(textListRequests, i18n.Vars{"requestaddr": l.GetRequestEmail("")})
		i++
	}

	return false, nil
}
