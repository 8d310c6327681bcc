package command

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/requests"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

var (
	docConfirm        = doc("confirm")
	textConfirmUsage  = key("Commands/cmd_confirm", "Usage:")
	textInvalid       = key("Commands/cmd_confirm", "Invalid confirmation string")
	textForwarded     = key("Commands/cmd_confirm", "Your request has been forwarded")
	textSubscribedNow = key("Commands/cmd_confirm", "You are already subscribed")
	textNoMemberNow   = key("Commands/cmd_confirm", "You are not currently a member")
	textBannedNow     = key("Commands/cmd_confirm", "You are currently banned")
	textNotInvited    = key("Commands/cmd_confirm", "You were not invited")
	textBadApproval   = key("Commands/cmd_confirm", "Bad approval password")
	textConfirmed     = key("Commands/cmd_confirm", "Confirmation succeeded")
	textApproveAction = keySince(confirmNamesAction, "Commands/cmd_confirm", "Approve")
	textDiscardAction = keySince(confirmNamesAction, "Commands/cmd_confirm", "Discard")
)

// confirm is cmd_confirm: it carries out the request that waits under the cookie.
func confirm(r *results, args []string) (bool, error) {
	if len(args) != 1 {
		r.add(textConfirmUsage, nil)
		r.results = append(r.results, r.gethelp(docConfirm))
		return true, nil
	}

	// Each refusal has a text of its own. Any other error is an exception that cmd_confirm does not catch.
	done, err := r.m.ProcessConfirmation(args[0], r.msg)
	switch {
	case err == nil:
		r.confirmed(done, args[0])
	case errors.Is(err, membership.ErrBadConfirmation):
		r.add(textInvalid, i18n.Vars{"days": r.pendingDays()})
	case errors.Is(err, membership.ErrNeedApproval):
		r.add(textForwarded, nil)
	case errors.Is(err, maillist.ErrAlreadyAMember):
		r.add(textSubscribedNow, nil)
	case errors.Is(err, maillist.ErrNotAMember):
		r.add(textNoMemberNow, nil)
	case errors.Is(err, membership.ErrBanned):
		r.add(textBannedNow, i18n.Vars{"owneraddr": r.l.GetOwnerEmail()})
	case errors.Is(err, membership.ErrHostileSubscription):
		r.add(textNotInvited, nil)
	case errors.Is(err, membership.ErrBadPassword):
		r.add(textBadApproval, nil)
	default:
		return true, err
	}

	return true, nil
}

// pendingDays returns about how many days a confirmation may take.
func (r *results) pendingDays() int {
	const day = 24 * 60 * 60
	if v, _ := r.s.Value("PENDING_REQUEST_LIFE"); v != nil {
		if n, ok := v.(pickle.Int); ok {
			return int(n / day) // Python 2 divides integers like this
		}
	}
	return int(r.s.Float("PENDING_REQUEST_LIFE")/day + 0.5)
}

// confirmed answers a confirmation that succeeded, unless the welcome or the goodbye is the answer.
func (r *results) confirmed(done membership.Confirmed, cookie string) {
	if done.Op == pending.Subscription && r.l.Bool("send_welcome_msg") ||
		done.Op == pending.Unsubscription && r.l.Bool("send_goodbye_msg") {
		r.respond = false
		return
	}

	// Since 2.1.15 the answer says what became of a held message.
	answer := r.say(textConfirmed, nil)
	names := r.since(confirmNamesAction)
	if done.Op == pending.HeldMessage && names {
		action := textDiscardAction
		if done.Action == requests.Approve {
			action = textApproveAction
		}
		answer += " (" + r.say(action, nil) + ")"
	}

	r.results = append(r.results, answer)
	// The confirming line may come twice, in subject and text: the second is not an unprocessed line. Neither is the line
	// with the password that approved a message.
	match := "confirm " + cookie
	var rest []string
	for _, line := range r.commands {
		bare := strings.TrimLeft(line, py.Whitespace)
		lower := py.Lower(bare)
		if bare == match || names && (strings.HasPrefix(lower, "approved:") || strings.HasPrefix(lower, "approve:")) {
			continue
		}
		rest = append(rest, line)
	}

	r.commands = rest
}
