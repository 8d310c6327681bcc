package command

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/membership"
)

var (
	docUnsubscribe       = doc("unsubscribe")
	textUnsubscribeUsage = key("Commands/cmd_unsubscribe", "Usage:")
	textStranger         = key("Commands/cmd_unsubscribe", "%(address)s is not a member of")
	textLeaveForwarded   = key("Commands/cmd_unsubscribe", "Your unsubscription request has been forwarded")
	textLeavePending     = keySince(34, "Commands/cmd_unsubscribe", "You already have a subscription pending")
	textWrongPassword    = key("Commands/cmd_unsubscribe", "You gave the wrong password")
	textUnsubscribed     = key("Commands/cmd_unsubscribe", "Unsubscription request succeeded")
)

// unsubscribe is cmd_unsubscribe, cmd_leave and cmd_remove: it removes the member at once where the password is right,
// and asks for confirmation without one. Where the list wants it, a moderator decides in both cases.
func unsubscribe(r *results, args []string) (bool, error) {
	// [password] [address=ADDRESS], in this order or without either.
	password, hasPassword := "", false
	address, hasAddress := "", false
	for i, arg := range args {
		switch {
		case strings.HasPrefix(arg, addressArg):
			address, hasAddress = arg[len(addressArg):], true
		case i == 0:
			password, hasPassword = arg, true
		default:
			r.add(textUnsubscribeUsage, nil)
			r.results = append(r.results, r.gethelp(docUnsubscribe))
			return true, nil
		}
	}

	// Without address= it is about the sender.
	if !hasAddress {
		from, err := r.from()
		if err != nil {
			return false, err
		}
		address = from.Addr
	}

	if !r.l.IsMember(address) {
		r.add(textStranger, i18n.Vars{"address": address, "listname": r.attr("real_name")})
		return true, nil
	}

	// unsubscribe_policy: a moderator decides.
	switch {
	case r.l.Bool("unsubscribe_policy"):
		err := r.m.DeleteMember(address, membership.DeleteOptions{Whence: membership.Mailcmd})
		if !errors.Is(err, membership.ErrNeedApproval) {
			return false, err
		}
		r.add(textLeaveForwarded, nil)
	// No password: the address in its own case gets a request to confirm.
	case !hasPassword:
		cpaddr, err := r.l.GetMemberCPAddress(address)
		if err != nil {
			return false, err
		}

		err = r.m.ConfirmUnsubscription(cpaddr)
		switch {
		case errors.Is(err, membership.ErrAlreadyPending):
			r.add(textLeavePending, nil)
		case err != nil:
			return false, err
		default:
			r.respond = false // the request to confirm is the answer
		}
	// The right password is proof enough.
	default:
		pw, err := r.l.GetMemberPassword(address)
		if err != nil {
			return false, err
		}
		if !maillist.SameText(pw, password) {
			r.add(textWrongPassword, nil)
			return true, nil
		}
		if err := r.m.ApprovedDeleteMember(address, membership.DeleteOptions{Whence: membership.Mailcmd}); err != nil {
			return false, err
		}

		r.add(textUnsubscribed, nil)
	}

	return false, nil
}
