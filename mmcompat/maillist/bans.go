package maillist

// GetBannedPattern returns the entry of ban_list or GLOBAL_BAN_LIST that
// matches the address; ok is false if none does. The error is an
// ErrNeedsPython.
func (l *List) GetBannedPattern(addr string) (pattern string, ok bool, err error) {
	panic("not yet")
}

// HasAutoApprovedSender tells whether subscribe_auto_approval has the address,
// and logs it to "vette" if so. The error is an ErrNeedsPython.
func (l *List) HasAutoApprovedSender(sender string) (bool, error) {
	panic("not yet")
}

// GetPattern returns the entry of patterns that matches the address; ok is
// false if none does. An entry is an address, a regular expression that begins
// with "^" or, where atList is not "", a "@listname", which stands for that
// list's members; atList is the attribute's name for log lines. The error is
// an ErrNeedsPython.
func (l *List) GetPattern(addr string, patterns []string, atList string) (pattern string, ok bool, err error) {
	panic("not yet")
}
