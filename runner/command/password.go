package command

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

var (
	docPassword       = doc("password")
	textYourPassword  = key("Commands/cmd_password", "Your password is:")
	textNoMember      = key("Commands/cmd_password", "You are not a member of")
	textChanged       = key("Commands/cmd_password", "Password successfully changed")
	textWrongOld      = key("Commands/cmd_password", "You did not give the correct old password")
	textPasswordUsage = key("Commands/cmd_password", "\nUsage:")
)

// addressArg begins the argument by which a command names another member than the sender.
const addressArg = "address="

// password is cmd_password: it sends a member its password, or changes the password of a member that knows the old
// one.
func password(r *results, args []string) (bool, error) {
	// Without address= it is about the sender; with it, the answer goes to the member whose address it is.
	var who message.Address
	var err error
	switch n := len(args); {
	case n == 0 || n == 2:
		if who, err = r.from(); err != nil {
			return false, err
		}
	case n == 1 && strings.HasPrefix(args[0], addressArg):
		// The answer goes to the member, not to the sender's address.
		who.Addr = args[0][len(addressArg):]
		r.returnAddr = who.Addr
	case n == 3 && strings.HasPrefix(args[2], addressArg):
		who.Addr = args[2][len(addressArg):]
		r.returnAddr = who.Addr
	default:
		return false, nil
	}

	// Without this check an answer would show strangers which addresses are members.
	address := who.Addr
	if !r.l.IsMember(address) {
		r.addNoMember(textNoMember, who, len(args) == 0 || len(args) == 2)
		return true, nil
	}

	// One or no argument: send the password. It goes to the member's own address only.
	if len(args) < 2 {
		pw, err := r.l.GetMemberPassword(address)
		if err != nil {
			return true, err
		}
		r.add(textYourPassword, i18n.Vars{"password": str(pw)})
		return true, nil
	}

	// Two passwords, old and new. The list's administrator may change any member's.
	role, err := r.m.Authenticate(args[0], address, membership.User, membership.ListAdmin)
	if err != nil {
		return false, err
	}

	if role == membership.Unauthorized {
		r.add(textWrongOld, nil)
		r.add(textPasswordUsage, nil)
		r.results = append(r.results, r.gethelp(docPassword))
		return true, nil
	}

	if err := r.l.SetMemberPassword(address, pickle.Str(args[1])); err != nil {
		return false, err
	}
	r.add(textChanged, nil)
	return false, nil
}

// addNoMember says that an address is no member's. Some catalogs have the name in the text: Mailman fills it in where
// the address is the sender's.
func (r *results) addNoMember(k membership.TextKey, who message.Address, isSender bool) {
	vars := i18n.Vars{"listname": r.attr("real_name")}
	if isSender {
		vars["realname"] = who.Name
	}
	r.add(k, vars)
}
