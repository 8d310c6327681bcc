package maillist

import (
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Member options: the bits of user_options, and Digests, which is no bit of it
// but which dict a member is in (Mailman/Defaults.py).
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

// Status says whether and why a member's delivery is disabled
// (Mailman/MemberAdaptor.py).
type Status int

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

// removed is the order in which removeMember goes through the dicts.
var removed = []string{
	passwords, userOptions, regulars, digests, languages,
	topicsInterest, usernames, bounceInfos, deliveryStatus,
}

// cpMember returns a member's case-preserved address and the dict that has it;
// ok is false for a stranger.
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

// IsMember tells whether the address is a member's, in any case.
func (l *List) IsMember(member string) bool {
	key := py.Lower(member)
	return l.DictHas(regulars, key) || l.DictHas(digests, key)
}

// GetMembers goes through the lower-cased addresses of all members, those with
// regular delivery first. The order is that of the file, not Python's.
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

// GetRegularMemberKeys goes through the members who get each post.
func (l *List) GetRegularMemberKeys() iter.Seq[string] { return l.DictKeys(regulars) }

// GetDigestMemberKeys goes through the members who get digests.
func (l *List) GetDigestMemberKeys() iter.Seq[string] { return l.DictKeys(digests) }

// NumMembers is how many members there are: all, or those with digests.
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
// ErrNotAMember for anybody without a password.
func (l *List) GetMemberPassword(member string) (pickle.Value, error) {
	v, _ := l.DictGet(passwords, py.Lower(member))
	if v == nil {
		return nil, ErrNotAMember.With(member)
	}
	return v, nil
}

// AuthenticateMember tells whether response is the member's password. The error
// is ErrNotAMember. An empty password never matches, as Mailman's callers take
// the password itself for the answer.
func (l *List) AuthenticateMember(member, response string) (bool, error) {
	v, err := l.GetMemberPassword(member)
	if err != nil {
		return false, err
	}
	return response != "" && SameText(v, response), nil
}

// SameText tells whether Python finds v, a str or unicode, equal to the str s: a
// unicode is equal to no str that is not ASCII.
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

// GetMemberLanguage returns the language of a member or, as the list's
// preferred one, that of anybody else.
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

// GetMemberOption tells whether a flag is set for the member, or ErrNotAMember.
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

// hasBits gives the TypeError of an operator on bits for a member's options, if
// there are any, that are no whole number.
func hasBits(options pickle.Value, there bool, operator string) error {
	if _, float := options.(float64); there && (float || !py.IsNumber(options)) {
		return py.Errorf("TypeError", "unsupported operand type(s) for %s: '%s' and 'int'", operator, py.TypeName(options))
	}
	return nil
}

// GetMemberName returns a member's full name, str or unicode, nil if there is
// none, or ErrNotAMember.
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

// GetDeliveryStatus returns a member's delivery status, or ErrNotAMember.
func (l *List) GetDeliveryStatus(member string) (Status, error) {
	status, _, err := l.delivery(member)
	return status, err
}

// GetDeliveryStatusChangeTime returns when a member's delivery was disabled, in
// seconds since 1970, 0 if it is enabled, or ErrNotAMember.
func (l *List) GetDeliveryStatusChangeTime(member string) (float64, error) {
	_, at, err := l.delivery(member)
	return at, err
}

func (l *List) delivery(member string) (Status, float64, error) {
	if err := l.mustBeMember(member); err != nil {
		return 0, 0, err
	}
	v, _ := l.DictGet(deliveryStatus, py.Lower(member))
	d, ok := parseDelivery(v)
	if !ok {
		return Enabled, 0, nil
	}
	return d.Status, d.Since, nil
}

// GetDeliveryStatusMembers goes through the members whose delivery status is
// one of those given, or any of the disabled ones if none is.
func (l *List) GetDeliveryStatusMembers(status ...Status) iter.Seq[string] {
	if len(status) == 0 {
		status = []Status{Unknown, ByUser, ByAdmin, ByBounce}
	}

	return func(yield func(string) bool) {
		for member := range l.GetMembers() {
			// Whoever GetMembers gives is a member.
			s, _ := l.GetDeliveryStatus(member)
			for _, want := range status {
				if s == want {
					if !yield(member) {
						return
					}
					break
				}
			}
		}
	}
}

// NewMember is what AddNewMember may be told besides the address.
type NewMember struct {
	Digest   bool
	Password pickle.Value // str or unicode; nil means a made-up one
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
	// Only upper case before the @ is kept.
	var kept pickle.Value = pickle.Int(0)
	if LCDomain(member) != key {
		kept = pickle.Str(member)
	}

	where := regulars
	if m.Digest {
		where = digests
	}

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

// RemoveMember removes a member and all that is known of him, or gives
// ErrNotAMember. As in Mailman, one_last_digest keeps him.
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

// ChangeMemberAddress makes newAddress a member with what member has, and
// removes member unless noDelete. The errors are ErrNotAMember and, when
// member is already gone, ErrAlreadyAMember.
func (l *List) ChangeMemberAddress(member, newAddress string, noDelete bool) error {
	_, where, ok := l.cpMember(member)
	if !ok {
		return ErrNotAMember.With(member)
	}

	key, newKey := py.Lower(member), py.Lower(newAddress)
	m := NewMember{Digest: where == digests, Language: l.GetMemberLanguage(member)}
	m.RealName, _ = l.DictGet(usernames, key)
	flags, _ := l.DictGet(userOptions, key)
	delivery, disabled := l.DictGet(deliveryStatus, key)

	if m.Password, ok = l.DictGet(passwords, key); !ok {
		pw, err := l.MakeRandomPassword()
		if err != nil {
			return err
		}
		m.Password = pickle.Str(pw)
	}

	status, _, err := l.delivery(member)
	if err != nil {
		return err
	}

	if !noDelete {
		if err := l.RemoveMember(member); err != nil {
			return err
		}
	}

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

// SetMemberPassword gives a member a password, str or unicode, or gives
// ErrNotAMember.
func (l *List) SetMemberPassword(member string, password pickle.Value) error {
	return l.setOf(member, passwords, password)
}

// SetMemberLanguage gives a member a language, or gives ErrNotAMember.
func (l *List) SetMemberLanguage(member, language string) error {
	return l.setOf(member, languages, pickle.Str(language))
}

// SetMemberName gives a member a full name, str or unicode, or gives
// ErrNotAMember.
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

// SetMemberTopics gives a member the names of topics, none if there are none,
// or gives ErrNotAMember.
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
	if flag == Digests {
		return l.setDigests(member, value)
	}

	key := py.Lower(member)
	old, ok := l.DictGet(userOptions, key)
	operator := "&="

	if value {
		operator = "|="
	}

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
	// Mailman reads a None in members like nobody.
	kept, _ := l.DictGet(from, key)
	if kept == nil {
		return ErrNotAMember.With(member)
	}

	l.DictDelete(from, key)
	l.DictSet(to, key, kept)
	if value {
		l.DictDelete(lastDigest, key)
	} else {
		// So that nothing is missed between the last digest and the first post.
		l.DictSet(lastDigest, key, kept)
	}

	return nil
}

// SetDeliveryStatus enables or disables a member's delivery as of now, or gives
// ErrNotAMember. Enabling forgets his bounce info.
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
