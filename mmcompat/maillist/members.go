package maillist

import (
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Member options: the bits of user_options. Digests is not a bit, but says which dict a member is in
// (Mailman/Defaults.py).
const (
	Digests                  = 0
	DisableDelivery          = 1
	DontReceiveOwnPosts      = 2
	AcknowledgePosts         = 4
	DisableMime              = 8
	ConcealSubscription      = 16
	SuppressPasswordReminder = 32
	ReceiveNonmatchingTopics = 64
	Moderate                 = 128
	DontReceiveDuplicates    = 256
)

// The values of Status.
const (
	Enabled  Status = 0
	Unknown  Status = 1
	ByUser   Status = 2
	ByAdmin  Status = 3
	ByBounce Status = 4
)

// The dicts of member state, all keyed by the lower-cased address.
const (
	regulars       = "members"
	digests        = "digest_members"
	passwords      = "passwords"
	languages      = "language"
	userOptions    = "user_options"
	usernames      = "usernames"
	topicsInterest = "topics_userinterest"
	deliveryStatus = "delivery_status"
	bounceInfos    = "bounce_info"
	lastDigest     = "one_last_digest"
)

// cpMember returns a member's case-preserved address and the dict that has it; ok is false if the address is no
// member's.
func (l *List) cpMember(member string) (addr, where string, ok bool) {
	key := py.Lower(member)
	for _, where := range [...]string{regulars, digests} {
		v, ok := l.DictGet(where, key)
		if !ok {
			continue
		}
		if s, ok := v.(pickle.Str); ok {
			return string(s), where, true
		}
		return key, where, true
	}

	return "", "", false
}

func (l *List) mustBeMember(member string) error {
	if !l.IsMember(member) {
		return ErrNotAMember.With(member)
	}
	return nil
}

// IsMember tells whether the address is a member's; the case does not matter.
func (l *List) IsMember(member string) bool {
	key := py.Lower(member)
	return l.DictHas(regulars, key) || l.DictHas(digests, key)
}

// GetMembers yields the lower-cased addresses of all members, those with regular delivery first. The order is that of
// the file, and not Python's.
func (l *List) GetMembers() iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := range l.GetRegularMemberKeys() {
			if !yield(k) {
				return
			}
		}

		for k := range l.GetDigestMemberKeys() {
			if !yield(k) {
				return
			}
		}
	}
}

// GetRegularMemberKeys yields the members that get each post.
func (l *List) GetRegularMemberKeys() iter.Seq[string] { return l.DictKeys(regulars) }

// GetDigestMemberKeys yields the members that get digests.
func (l *List) GetDigestMemberKeys() iter.Seq[string] { return l.DictKeys(digests) }

// NumMembers returns how many members there are, and how many of them get digests.
func (l *List) NumMembers() (all, digest int) {
	digest = l.DictLen(digests)
	return l.DictLen(regulars) + digest, digest
}

// GetMemberKey returns the key of a member, or ErrNotAMember.
func (l *List) GetMemberKey(member string) (string, error) {
	if err := l.mustBeMember(member); err != nil {
		return "", err
	}
	return py.Lower(member), nil
}

// GetMemberCPAddress returns a member's address as it was subscribed, or
// ErrNotAMember.
func (l *List) GetMemberCPAddress(member string) (string, error) {
	addr, _, ok := l.cpMember(member)
	if !ok {
		return "", ErrNotAMember.With(member)
	}
	return addr, nil
}

// GetMemberPassword returns a member's password, a str or unicode. The error is
// ErrNotAMember for an address without a password.
func (l *List) GetMemberPassword(member string) (pickle.Value, error) {
	v, _ := l.DictGet(passwords, py.Lower(member))
	if v == nil {
		return nil, ErrNotAMember.With(member)
	}
	return v, nil
}

// AuthenticateMember tells whether response is the member's password. The error is ErrNotAMember. An empty password
// never matches, since Mailman's callers take the returned password for the answer.
func (l *List) AuthenticateMember(member, response string) (bool, error) {
	v, err := l.GetMemberPassword(member)
	if err != nil {
		return false, err
	}
	return response != "" && SameText(v, response), nil
}

// SameText tells whether Python finds v, a str or unicode, equal to the str s. A unicode never equals a str that is
// not ASCII.
func SameText(v pickle.Value, s string) bool {
	switch v := v.(type) {
	case pickle.Str:
		return string(v) == s
	case pickle.Unicode:
		return string(v) == s && isASCII(s)
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// GetMemberLanguage returns the language of a member, or the list's preferred language for any other address.
func (l *List) GetMemberLanguage(member string) string {
	preferred := l.Str("preferred_language")
	lang, ok := stringOf(l.DictGet(languages, py.Lower(member)))
	if !ok {
		lang = preferred
	}

	for _, have := range l.GetAvailableLanguages() {
		if have == lang {
			return lang
		}
	}

	return preferred
}

// GetMemberOption tells whether a flag is set for the member, or returns ErrNotAMember.
func (l *List) GetMemberOption(member string, flag int) (bool, error) {
	_, where, ok := l.cpMember(member)
	if !ok {
		return false, ErrNotAMember.With(member)
	}
	if flag == Digests {
		return where == digests, nil
	}

	v, ok := l.DictGet(userOptions, py.Lower(member))
	if err := hasBits(v, ok, "&"); err != nil {
		return false, err
	}
	return py.Int(v)&int64(flag) != 0, nil
}

// hasBits returns the TypeError that an operator on bits raises where a member's options are no whole number.
func hasBits(options pickle.Value, there bool, operator string) error {
	if _, float := options.(float64); there && (float || !py.IsNumber(options)) {
		return py.Errorf("TypeError", "unsupported operand type(s) for %s: '%s' and 'int'", operator, py.TypeName(options))
	}
	return nil
}

// GetMemberName returns a member's full name, str or unicode, which may be nil, or ErrNotAMember.
func (l *List) GetMemberName(member string) (pickle.Value, error) {
	if err := l.mustBeMember(member); err != nil {
		return nil, err
	}
	v, _ := l.DictGet(usernames, py.Lower(member))
	return v, nil
}

// GetMemberTopics returns the names of the topics a member chose, or
// ErrNotAMember.
func (l *List) GetMemberTopics(member string) ([]string, error) {
	if err := l.mustBeMember(member); err != nil {
		return nil, err
	}
	v, _ := l.DictGet(topicsInterest, py.Lower(member))
	return strs(v), nil
}
