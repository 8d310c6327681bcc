package command

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

var (
	docSubscribe       = doc("subscribe")
	textSubscribeUsage = key("Commands/cmd_subscribe", "Usage:")
	textBadDigest      = key("Commands/cmd_subscribe", "Bad digest specifier")
	textNoAddress      = key("Commands/cmd_subscribe", "No valid address found")
	textBanned         = key("Commands/cmd_subscribe", "The email address you supplied is banned")
	textBadAddress     = key("Commands/cmd_subscribe", "Mailman won't accept")
	textInsecure       = key("Commands/cmd_subscribe", "Your subscription is not allowed")
	textSubscribed     = key("Commands/cmd_subscribe", "You are already subscribed")
	textJoinPending    = keySince(30, "Commands/cmd_subscribe", "You already have a subscription pending")
	textNoDigests      = key("Commands/cmd_subscribe", "No one can subscribe to the digest")
	textOnlyDigests    = key("Commands/cmd_subscribe", "This list only supports digest")
	textJoinForwarded  = key("Commands/cmd_subscribe", "Your subscription request has been forwarded")
	textJoined         = key("Commands/cmd_subscribe", "Subscription request succeeded")
)

// subscribeRefusals are the answers to a refused subscription, in the order of Mailman's except clauses.
var subscribeRefusals = []struct {
	err  error
	text membership.TextKey
}{
	{membership.ErrBanned, textBanned},
	{maillist.ErrBadEmail, textBadAddress},
	{maillist.ErrHostileAddress, textInsecure},
	{maillist.ErrAlreadyAMember, textSubscribed},
	{membership.ErrAlreadyPending, textJoinPending},
	{membership.ErrCantDigest, textNoDigests},
	{membership.ErrMustDigest, textOnlyDigests},
}

// subscribe is cmd_subscribe and cmd_join: [password] [digest|nodigest] [address=ADDRESS].
func subscribe(r *results, args []string) (bool, error) {
	u := &pending.UserDesc{}
	if ok, err := r.subscribeArgs(u, args); !ok || err != nil {
		return true, err
	}

	// What the arguments leave open comes from the list, or from the message.
	if u.Digest == nil {
		u.Digest, _ = r.l.Get("digest_is_default")
	}

	if u.Password == nil {
		pw, err := r.l.MakeRandomPassword()
		if err != nil {
			return false, err
		}
		u.Password = pickle.Str(pw)
	}

	remote, err := r.sender()
	if err != nil {
		return false, err
	}

	// Without address= the sender subscribes itself, with the name in its From field.
	if u.Address == nil {
		from, err := r.from()
		if err != nil {
			return false, err
		}

		if from.Addr == "" {
			from.Addr = remote
		}

		if from.Addr == "" {
			r.add(textNoAddress, nil)
			return true, nil
		}
		u.Address = pickle.Str(from.Addr)
		if u.FullName, err = r.decodeName(from.Name); err != nil {
			return false, err
		}
	}

	// AddMember decides; each refusal has a text of its own.
	owner := i18n.Vars{"listowner": r.l.GetOwnerEmail()}
	err = r.m.AddMember(u, remote)
	for _, refusal := range subscribeRefusals {
		if errors.Is(err, refusal.err) {
			r.add(refusal.text, owner)
			return true, nil
		}
	}

	// The other ways it can end. A request to confirm is the answer itself.
	switch {
	case err == nil:
		r.add(textJoined, nil)
	case errors.Is(err, membership.ErrNeedsConfirmation):
		r.respond = false // the request to confirm is the answer
	case errors.Is(err, membership.ErrOverLimit):
		r.respond = false
	case errors.Is(err, membership.ErrNeedApproval):
		r.add(textJoinForwarded, owner)
	default:
		return false, err
	}

	return false, nil
}

// subscribeArgs reads the arguments of cmd_subscribe: password, digest or nodigest, address=. ok is false where they make
// no sense, and the answer says so.
func (r *results) subscribeArgs(u *pending.UserDesc, args []string) (ok bool, err error) {
	for i, arg := range args {
		lower := py.Lower(arg)
		switch {
		case strings.HasPrefix(lower, addressArg):
			u.Address = pickle.Str(arg[len(addressArg):])
		case i == 0:
			u.Password = pickle.Str(arg)
		case i == 1:
			if u.Digest, ok = digestWord(lower); !ok {
				r.add(textBadDigest, i18n.Vars{"arg": arg})
				return false, nil
			}
		default:
			r.add(textSubscribeUsage, nil)
			r.results = append(r.results, r.gethelp(docSubscribe))
			return false, nil
		}
	}

	// The password may be left out, so a first word that says digest or nodigest is no password.
	if pw, given := u.Password.(pickle.Str); given && u.Digest == nil {
		if digest, ok := digestWord(py.Lower(string(pw))); ok {
			u.Digest, u.Password = digest, nil
		}
	}

	return true, nil
}

func digestWord(s string) (pickle.Value, bool) {
	switch s {
	case "digest":
		return pickle.Int(1), true
	case "nodigest":
		return pickle.Int(0), true
	}
	return nil, false
}

// decodeName decodes a name in a From header: to a str where it is ASCII, or else to a unicode; to nil where its
// charset cannot decode it.
func (r *results) decodeName(name string) (pickle.Value, error) {
	chunks, err := message.DecodeHeader(name)
	if err != nil {
		return nil, err
	}

	h, err := message.MakeHeader(r.b.Charsets(), chunks, message.HeaderOptions{})
	u := ""
	if err == nil {
		u, err = h.Unicode()
	}

	if err != nil {
		if !isUnicodeError(err) {
			return nil, err
		}
		u = ""
	}

	if s, err := codec.Encode(u, "us-ascii", codec.Strict); err == nil {
		return pickle.Str(s), nil
	}

	return pickle.Unicode(u), nil
}

// isUnicodeError tells whether Python would have raised a UnicodeError.
func isUnicodeError(err error) bool { return errors.Is(err, py.ErrUnicode) }
