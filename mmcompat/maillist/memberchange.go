package maillist

import (
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// removed has the dicts in the order in which removeMember goes through them.
var removed = []string{
	passwords, userOptions, regulars, digests, languages,
	topicsInterest, usernames, bounceInfos, deliveryStatus,
}

// NewMember has AddNewMember's optional arguments.
type NewMember struct {
	Digest   bool
	Password pickle.Value // str or unicode; nil means a random one
	Language string       // "" means the list's
	RealName pickle.Value // str or unicode; nil or empty means none
}

// AddNewMember makes the address a member. The error is ErrAlreadyAMember.
func (l *List) AddNewMember(member string, m NewMember) error {
	if m.Password == nil {
		pw, err := l.MakeRandomPassword()
		if err != nil {
			return err
		}
		m.Password = pickle.Str(pw)
	}
	return l.addNewMember(member, m)
}

func (l *List) addNewMember(member string, m NewMember) error {
	if l.IsMember(member) {
		return ErrAlreadyAMember.With(member)
	}

	if m.Language == "" {
		m.Language = l.Str("preferred_language")
	}

	key := py.Lower(member)
	// Mailman keeps the address itself only where its local part has upper case, and else 0.
	var kept pickle.Value = pickle.Int(0)
	if LCDomain(member) != key {
		kept = pickle.Str(member)
	}

	where := regulars
	if m.Digest {
		where = digests
	}

	// addNewMember sets these for every member, and the others only where they say something.
	l.DictSet(where, key, kept)
	l.DictSet(passwords, key, m.Password)
	l.DictSet(languages, key, pickle.Str(m.Language))

	if py.Truth(m.RealName) {
		l.DictSet(usernames, key, m.RealName)
	}

	if options, ok := l.Get("new_member_options"); ok && py.Truth(options) {
		l.DictSet(userOptions, key, options)
	}

	return nil
}

// RemoveMember removes a member and all its data, or returns ErrNotAMember. As in Mailman, one_last_digest keeps the
// address.
func (l *List) RemoveMember(member string) error {
	if err := l.mustBeMember(member); err != nil {
		return err
	}
	key := py.Lower(member)
	for _, dict := range removed {
		l.DictDelete(dict, key)
	}
	return nil
}

// ChangeMemberAddress makes newAddress a member with the data of member, and removes member unless noDelete. The
// errors are ErrNotAMember and, when member is removed already, ErrAlreadyAMember.
func (l *List) ChangeMemberAddress(member, newAddress string, noDelete bool) error {
	_, where, ok := l.cpMember(member)
	if !ok {
		return ErrNotAMember.With(member)
	}

	// The old values come first, since removing the member deletes them.
	key, newKey := py.Lower(member), py.Lower(newAddress)
	m := NewMember{Digest: where == digests, Language: l.GetMemberLanguage(member)}
	m.RealName, _ = l.DictGet(usernames, key)
	flags, _ := l.DictGet(userOptions, key)
	delivery, disabled := l.DictGet(deliveryStatus, key)

	// changeMemberAddress takes a random password for a member that has none in the dict.
	if m.Password, ok = l.DictGet(passwords, key); !ok {
		pw, err := l.MakeRandomPassword()
		if err != nil {
			return err
		}
		m.Password = pickle.Str(pw)
	}

	// A state that getDeliveryStatus could not read is an error before anything is changed.
	status, _, err := l.delivery(member)
	if err != nil {
		return err
	}

	if !noDelete {
		if err := l.RemoveMember(member); err != nil {
			return err
		}
	}

	// addNewMember starts with default options, so the old ones are set again.
	if err := l.addNewMember(newAddress, m); err != nil {
		return err
	}

	if py.Truth(flags) {
		l.DictSet(userOptions, newKey, flags)
	}

	// A plain change of address keeps what the member or the owner disabled.
	if disabled && !noDelete && (status == ByUser || status == ByAdmin) {
		l.DictSet(deliveryStatus, newKey, delivery)
	}

	return nil
}

// SetMemberPassword sets a member's password, str or unicode, or returns ErrNotAMember.
func (l *List) SetMemberPassword(member string, password pickle.Value) error {
	return l.setOf(member, passwords, password)
}

// SetMemberLanguage sets a member's language, or returns ErrNotAMember.
func (l *List) SetMemberLanguage(member, language string) error {
	return l.setOf(member, languages, pickle.Str(language))
}

// SetMemberName sets a member's full name, str or unicode, or returns ErrNotAMember.
func (l *List) SetMemberName(member string, name pickle.Value) error {
	return l.setOf(member, usernames, name)
}

func (l *List) setOf(member, dict string, v pickle.Value) error {
	if err := l.mustBeMember(member); err != nil {
		return err
	}
	l.DictSet(dict, py.Lower(member), v)
	return nil
}

// SetMemberTopics sets the names of a member's topics, which may be none, or returns ErrNotAMember.
func (l *List) SetMemberTopics(member string, topics []string) error {
	if err := l.mustBeMember(member); err != nil {
		return err
	}
	if len(topics) == 0 {
		l.DictDelete(topicsInterest, py.Lower(member))
		return nil
	}

	v := &pickle.List{}
	for _, t := range topics {
		v.Items = append(v.Items, pickle.Str(t))
	}
	l.DictSet(topicsInterest, py.Lower(member), v)
	return nil
}

// SetMemberOption sets or clears a flag of a member. The errors are
// ErrNotAMember and, for Digests, ErrCantDigest, ErrMustDigest,
// ErrAlreadyReceivingDigests and ErrAlreadyReceivingRegularDeliveries.
func (l *List) SetMemberOption(member string, flag int, value bool) error {
	if err := l.mustBeMember(member); err != nil {
		return err
	}

	// Digests is no bit: it says in which dict the member is.
	if flag == Digests {
		return l.setDigests(member, value)
	}

	key := py.Lower(member)
	old, ok := l.DictGet(userOptions, key)
	operator := "&="

	if value {
		operator = "|="
	}

	// Python's |= and &= raise for options that are no number.
	if err := hasBits(old, ok, operator); err != nil {
		return err
	}
	set := py.SetBits(old, int64(flag), value)
	// A member without options has no entry.
	if !py.Truth(set) {
		l.DictDelete(userOptions, key)
	} else if !pickle.Equal(old, set) {
		l.DictSet(userOptions, key, set)
	}

	return nil
}

func (l *List) setDigests(member string, value bool) error {
	key := py.Lower(member)
	// The member moves from one dict to the other, if the list has that way of delivery.
	from, to := digests, regulars
	possible, impossible, already := "nondigestable", ErrMustDigest, ErrAlreadyReceivingRegularDeliveries

	if value {
		from, to = regulars, digests
		possible, impossible, already = "digestable", ErrCantDigest, ErrAlreadyReceivingDigests
	}

	if !l.Bool(possible) {
		return impossible
	}
	if l.DictHas(to, key) {
		return already.With(member)
	}

	// Mailman takes a None in the dict of members for a missing address.
	kept, _ := l.DictGet(from, key)
	if kept == nil {
		return ErrNotAMember.With(member)
	}

	l.DictDelete(from, key)
	l.DictSet(to, key, kept)
	if value {
		l.DictDelete(lastDigest, key)
	} else {
		// The member must not miss the posts between the last digest and its first post.
		l.DictSet(lastDigest, key, kept)
	}

	return nil
}

// SetDeliveryStatus enables or disables a member's delivery as of now, or returns ErrNotAMember. Enabling removes the
// bounce info.
func (l *List) SetDeliveryStatus(member string, status Status) error {
	if err := l.mustBeMember(member); err != nil {
		return err
	}
	if status == Enabled {
		return l.SetBounceInfo(member, nil)
	}

	l.DictSet(deliveryStatus, py.Lower(member), &pickle.Tuple{Items: []pickle.Value{
		pickle.Int(status), Seconds(l.now()),
	}})
	return nil
}
