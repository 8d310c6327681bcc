package command

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/text"
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

// addressArg is how a command names a member other than its sender.
const addressArg = "address="

// password is cmd_password: it tells a member's password to himself only, or
// changes it for who knows it.
func password(r *results, args []string) (bool, error) {
	var address string
	var err error
	switch n := len(args); {
	case n == 0 || n == 2:
		if address, err = r.fromAddr(); err != nil {
			return false, err
		}
	case n == 1 && strings.HasPrefix(args[0], addressArg):
		// The answer goes to the member, whoever asks.
		address = args[0][len(addressArg):]
		r.returnAddr = address
	case n == 3 && strings.HasPrefix(args[2], addressArg):
		address = args[2][len(addressArg):]
		r.returnAddr = address
	default:
		return false, nil
	}
	if !r.l.IsMember(address) {
		r.add(textNoMember, text.Vars{"listname": r.attr("real_name")})
		return true, nil
	}
	if len(args) < 2 {
		pw, err := r.l.GetMemberPassword(address)
		if err != nil {
			return true, err
		}
		r.add(textYourPassword, text.Vars{"password": str(pw)})
		return true, nil
	}
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
