package command

import (
	"errors"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

const cmdSet = "Commands/cmd_set"

var (
	textSetOverview      = key(cmdSet, "\n    set ...")
	textSetDetails       = key(cmdSet, "\n    set help")
	textBadSet           = key(cmdSet, "Bad set command")
	textSetUsage         = key(cmdSet, "Usage:")
	textSetNoMember      = key(cmdSet, "You are not a member of")
	textSettings         = key(cmdSet, "Your current option settings")
	textOn               = key(cmdSet, "on")
	textOff              = key(cmdSet, "off")
	textAck              = key(cmdSet, "    ack ")
	textDigestPlain      = key(cmdSet, "    digest plain")
	textDigestMIME       = key(cmdSet, "    digest mime")
	textDigestOff        = key(cmdSet, "    digest off")
	textDeliveryOn       = key(cmdSet, "delivery on")
	textDeliveryOff      = key(cmdSet, "delivery off")
	textByYou            = key(cmdSet, "by you")
	textByAdmin          = key(cmdSet, "by the admin")
	textByBounces        = key(cmdSet, "due to bounces")
	textByUnknown        = key(cmdSet, "for unknown reasons")
	textStatus           = key(cmdSet, "    %(status)s")
	textMyPosts          = key(cmdSet, "    myposts ")
	textHide             = key(cmdSet, "    hide ")
	textDuplicates       = key(cmdSet, "    duplicates ")
	textReminders        = key(cmdSet, "    reminders ")
	textSetWrongPassword = key(cmdSet, "You did not give the correct password")
	textBadArgument      = key(cmdSet, "Bad argument:")
	textNotAuthenticated = key(cmdSet, "Not authenticated")
	textAckSet           = key(cmdSet, "ack option set")
	textDigestSet        = key(cmdSet, "digest option set")
	textDeliveryEnabled  = key(cmdSet, "delivery enabled")
	textDeliveryDisabled = key(cmdSet, "delivery disabled by user")
	textMyPostsSet       = key(cmdSet, "myposts option set")
	textHideSet          = key(cmdSet, "hide option set")
	textDuplicatesSet    = key(cmdSet, "duplicates option set")
	textRemindersSet     = key(cmdSet, "reminder option set")
)

// setState is kept from one set command of a message to the next.
type setState struct {
	address       string
	authenticated bool
}

// setFlag is a set command that turns a member option on or off.
type setFlag struct {
	flag     int
	reversed bool // "on" clears the flag
	show     membership.TextKey
	done     membership.TextKey
}

var setFlags = map[string]setFlag{
	"ack":        {maillist.AcknowledgePosts, false, textAck, textAckSet},
	"myposts":    {maillist.DontReceiveOwnPosts, true, textMyPosts, textMyPostsSet},
	"hide":       {maillist.ConcealSubscription, false, textHide, textHideSet},
	"duplicates": {maillist.DontReceiveDuplicates, true, textDuplicates, textDuplicatesSet},
	"reminders":  {maillist.SuppressPasswordReminder, true, textReminders, textRemindersSet},
}

// setHelp is cmd_set's gethelp.
func setHelp(r *results) string { return r.say(textSetOverview, nil) }

// setCommand is cmd_set. Whatever its subcommand does, the next line follows.
func setCommand(r *results, args []string) (bool, error) {
	if len(args) == 0 {
		r.add(textSetDetails, nil)
		return false, nil
	}
	subcmd, args := args[0], args[1:]
	if f, ok := setFlags[subcmd]; ok {
		return false, r.setOption(f, args)
	}

	switch subcmd {
	case "help":
		r.add(textSetDetails, nil)
	case "show":
		return false, r.setShow(args)
	case "authenticate":
		return false, r.setAuthenticate(args)
	case "digest":
		return false, r.setDigest(args)
	case "delivery":
		return false, r.setDelivery(args)
	default:
		r.add(textBadSet, i18n.Vars{"subcmd": subcmd})
		r.add(textSetDetails, nil)
	}

	return false, nil
}

func (r *results) setUsage() {
	r.add(textSetUsage, nil)
	r.add(textSetDetails, nil)
}

// setMember tells whether an address is a member's. If not, the answer says so.
func (r *results) setMember(who message.Address, isSender bool) (ok bool) {
	if r.l.IsMember(who.Addr) {
		return true
	}
	r.addNoMember(textSetNoMember, who, isSender)
	return false
}

func (r *results) setShow(args []string) error {
	var who message.Address
	var err error
	// Without address= it is about the sender; with it, the answer goes to the member whose address it is.
	switch {
	case len(args) == 0:
		if who, err = r.from(); err != nil {
			return err
		}
	case len(args) == 1 && strings.HasPrefix(args[0], addressArg):
		// The answer goes to the member, not to the sender's address.
		who.Addr = args[0][len(addressArg):]
		r.returnAddr = who.Addr
	default:
		r.setUsage()
		return nil
	}

	if !r.setMember(who, len(args) == 0) {
		return nil
	}
	r.add(textSettings, nil)
	// The settings in cmd_set's order.
	steps := []func(string) error{
		r.showFlag("ack"), r.showDigest, r.showDelivery, r.showFlag("myposts"),
		r.showFlag("hide"), r.showFlag("duplicates"), r.showFlag("reminders"),
	}

	for _, show := range steps {
		if err := show(who.Addr); err != nil {
			return err
		}
	}

	return nil
}

func (r *results) showFlag(name string) func(address string) error {
	f := setFlags[name]
	return func(address string) error {
		on, err := r.l.GetMemberOption(address, f.flag)
		if err != nil {
			return err
		}

		word := textOff
		if on != f.reversed {
			word = textOn
		}

		r.add(f.show, i18n.Vars{"onoff": r.say(word, nil)})
		return nil
	}
}

func (r *results) showDigest(address string) error {
	digest, err := r.l.GetMemberOption(address, maillist.Digests)
	if err != nil {
		return err
	}

	plain, err := r.l.GetMemberOption(address, maillist.DisableMime)
	if err != nil {
		return err
	}

	switch {
	case !digest:
		r.add(textDigestOff, nil)
	case plain:
		r.add(textDigestPlain, nil)
	default:
		r.add(textDigestMIME, nil)
	}

	return nil
}

func (r *results) showDelivery(address string) error {
	// cmd_set.set_show: on, off, or off with the reason and the date.
	status, err := r.l.GetDeliveryStatus(address)
	if err != nil {
		return err
	}

	changed, err := r.l.GetDeliveryStatusChangeTime(address)
	if err != nil {
		return err
	}

	why, disabled := map[maillist.Status]membership.TextKey{
		maillist.ByUser:   textByYou,
		maillist.ByAdmin:  textByAdmin,
		maillist.ByBounce: textByBounces,
		maillist.Unknown:  textByUnknown,
	}[status]

	if !disabled && status != maillist.Enabled {
		return &py.Error{Class: "AssertionError"}
	}
	if !disabled {
		r.results = append(r.results, "    "+r.say(textDeliveryOn, nil))
		return nil
	}
	off := r.say(textDeliveryOff, nil)
	if changed <= 0 {
		r.results = append(r.results, "    "+off)
		return nil
	}

	r.add(textStatus, i18n.Vars{
		"status": off,
		"how":    r.say(why, nil),
		"date":   message.FormatDate(time.Unix(int64(changed), 0), false),
	})

	return nil
}

func (r *results) setAuthenticate(args []string) error {
	var who message.Address
	var err error
	// PASSWORD, and perhaps whose it is.
	switch {
	case len(args) == 1:
		if who, err = r.from(); err != nil {
			return err
		}
	case len(args) == 2 && strings.HasPrefix(args[1], addressArg):
		who.Addr = args[1][len(addressArg):]
	default:
		r.setUsage()
		return nil
	}

	if !r.setMember(who, len(args) == 1) {
		return nil
	}
	role, err := r.m.Authenticate(args[0], who.Addr, membership.User, membership.ListAdmin)
	if err != nil {
		return err
	}
	if role == membership.Unauthorized {
		r.add(textSetWrongPassword, nil)
		return nil
	}

	// The commands that follow in this message act on this member.
	r.set = setState{who.Addr, true}
	return nil
}

// setStatus reads an argument that is on or off, for a member that has given the password. Otherwise ok is false, and
// the answer says so.
func (r *results) setStatus(args []string) (on, ok bool) {
	if len(args) != 1 {
		r.setUsage()
		return false, false
	}

	switch py.Lower(args[0]) {
	case "on":
		on = true
	case "off":
	default:
		r.add(textBadArgument, i18n.Vars{"arg": args[0]})
		r.setUsage()
		return false, false
	}

	return on, r.setAuthenticated()
}

func (r *results) setAuthenticated() bool {
	if !r.set.authenticated {
		r.add(textNotAuthenticated, nil)
		r.setUsage()
	}
	return r.set.authenticated
}

func (r *results) setOption(f setFlag, args []string) error {
	on, ok := r.setStatus(args)
	if !ok {
		return nil
	}
	if err := r.l.SetMemberOption(r.set.address, f.flag, on != f.reversed); err != nil {
		return err
	}

	r.add(f.done, nil)
	return nil
}

func (r *results) setDelivery(args []string) error {
	on, ok := r.setStatus(args)
	if !ok {
		return nil
	}

	status, done := maillist.ByUser, textDeliveryDisabled
	if on {
		status, done = maillist.Enabled, textDeliveryEnabled
	}

	if err := r.l.SetDeliveryStatus(r.set.address, status); err != nil {
		return err
	}
	r.add(done, nil)
	return nil
}

func (r *results) setDigest(args []string) error {
	if len(args) != 1 {
		r.setUsage()
		return nil
	}
	if !r.setAuthenticated() {
		return nil
	}

	// Two flags: digests or single posts, and MIME or plain digests.
	arg := py.Lower(args[0])
	var err error
	switch arg {
	case "off":
		err = r.switchDigest(false, maillist.ErrAlreadyReceivingRegularDeliveries)
	case "plain", "mime":
		if err = r.switchDigest(true, maillist.ErrAlreadyReceivingDigests); err == nil {
			err = r.l.SetMemberOption(r.set.address, maillist.DisableMime, arg == "plain")
		}
	default:
		// Some catalogs' translations name args.
		r.add(textBadArgument, i18n.Vars{"arg": arg, "args": pickle.Repr(pickle.NewList(pickle.Str(args[0])), 8*len(arg)+8)})
		r.setUsage()
		return nil
	}

	if err != nil {
		return err
	}
	r.add(textDigestSet, nil)
	return nil
}

// switchDigest moves the member between the two kinds of delivery. A member that has that kind already stays. Mailman
// does not catch the exception where the list lacks that kind.
func (r *results) switchDigest(on bool, already error) error {
	err := r.m.SetDigest(r.set.address, on)
	if errors.Is(err, already) {
		return nil
	}
	return err
}
