package command

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

const cmdWho = "Commands/cmd_who"

var (
	textPublicHelp  = key(cmdWho, "\n    who\n        See the non-hidden members")
	textMembersHelp = key(cmdWho, "\n    who password [address=")
	textAdminHelp   = key(cmdWho, "\n    who password\n        See everyone")
	textWhoUsage    = key(cmdWho, "Usage:")
	textNotAllowed  = key(cmdWho, "You are not allowed to retrieve")
	textNoMembers   = key(cmdWho, "This list has no members")
	textRegular     = key(cmdWho, "Non-digest (regular) members")
	textDigest      = key(cmdWho, "Digest members")
)

// The values of private_roster.
const (
	rosterPublic  = 0
	rosterMembers = 1
	rosterAdmins  = 2
)

// whoHelp is cmd_who's gethelp. It depends on private_roster.
func whoHelp(r *results) string {
	switch r.l.Int("private_roster") {
	case rosterPublic:
		return r.say(textPublicHelp, nil)
	case rosterMembers:
		return r.say(textMembersHelp, nil)
	case rosterAdmins:
		return r.say(textAdminHelp, nil)
	}

	return ""
}

// who is cmd_who: it shows the members, where the list lets the sender see them.
func who(r *results, args []string) (bool, error) {
	allowed, hidden, understood, err := r.mayList(args)
	switch {
	case err != nil:
		return false, err
	case !understood:
		r.add(textWhoUsage, nil)
		r.results = append(r.results, whoHelp(r))
		return true, nil
	case !allowed:
		r.add(textNotAllowed, nil)
		return true, nil
	}

	// The order is that of Python's dicts, which the roster keeps.
	regular, digest := r.roster.keys(r.l)
	if len(regular)+len(digest) == 0 {
		r.add(textNoMembers, nil)
		return false, nil
	}

	if len(regular) > 0 {
		r.add(textRegular, nil)
		if err := r.addMembers(regular, hidden); err != nil {
			return false, err
		}
	}

	if len(digest) > 0 {
		r.add(textDigest, nil)
		if err := r.addMembers(digest, hidden); err != nil {
			return false, err
		}
	}

	return false, nil
}

// mayList tells whether the sender may see the members (allowed), and also the hidden ones (hidden). understood is
// false where the arguments are not those that the list's setting needs. private_roster: 0 is public, 1 for members,
// 2 for administrators.
func (r *results) mayList(args []string) (allowed, hidden, understood bool, err error) {
	var role membership.Role
	switch r.l.Int("private_roster") {
	case rosterPublic:
		// Everyone may look; with a password of the list, hidden members are shown too.
		if len(args) == 0 {
			return true, false, true, nil
		}
		if len(args) > 1 {
			return false, false, false, nil
		}

		role, err = r.m.Authenticate(args[0], "", membership.ListModerator, membership.ListAdmin)
		hidden = role != membership.Unauthorized
		return hidden, hidden, hidden, err
	case rosterMembers:
		// A member must give its password, and may give its address.
		var address string
		switch {
		case len(args) == 1:
			from, err := r.from()
			if err != nil {
				return false, false, true, err
			}
			address = from.Addr
		case len(args) == 2 && strings.HasPrefix(args[1], addressArg):
			address = args[1][len(addressArg):]
		default:
			return false, false, false, nil
		}

		// The member's own password, or one of the list's.
		if r.l.IsMember(address) {
			role, err = r.m.Authenticate(args[0], address,
				membership.User, membership.ListModerator, membership.ListAdmin)
			if err != nil {
				return false, false, true, err
			}
			allowed = role != membership.Unauthorized
		}

		// Only a password of the list shows hidden members.
		role, err = r.m.Authenticate(args[0], "", membership.ListModerator, membership.ListAdmin)
		hidden = role != membership.Unauthorized
		return allowed || hidden, hidden, true, err
	}

	// For administrators only.
	if len(args) != 1 {
		return false, false, false, nil
	}
	role, err = r.m.Authenticate(args[0], "", membership.ListModerator, membership.ListAdmin)
	hidden = role != membership.Unauthorized
	return hidden, hidden, true, err
}

func (r *results) addMembers(members []string, hidden bool) error {
	for _, member := range members {
		if !hidden {
			conceals, err := r.l.GetMemberOption(member, maillist.ConcealSubscription)
			if err != nil {
				return err
			}
			if conceals {
				continue
			}
		}

		name, err := r.l.GetMemberName(member)
		if err != nil {
			return err
		}
		line, err := rosterLine(member, name)
		if err != nil {
			return err
		}

		r.results = append(r.results, line)
	}

	return nil
}

// rosterLine is the line of one member. It is a unicode where the name is one.
func rosterLine(member string, name pickle.Value) (i18n.Text, error) {
	switch name := name.(type) {
	case pickle.Unicode:
		if name == "" {
			break
		}

		for i := range len(member) {
			if member[i] >= 0x80 {
				return nil, &py.Error{Class: "UnicodeDecodeError", Text: "'ascii' codec can't decode a member's address"}
			}
		}

		return pickle.Unicode("    " + member + " (" + string(name) + ")"), nil
	case pickle.Str:
		if name != "" {
			return "    " + member + " (" + string(name) + ")", nil
		}
	}

	return "    " + member, nil
}
