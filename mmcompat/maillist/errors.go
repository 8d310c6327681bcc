package maillist

import (
	"errors"
	"fmt"
)

// These are the exceptions of Mailman/Errors.py that list state can raise; ask
// with errors.Is. Most come wrapped in an ArgError.
var (
	ErrUnknownList    = errors.New("MMUnknownListError")         // no such list
	ErrCorruptList    = errors.New("MMCorruptListDatabaseError") // config.pck and all its fallbacks are unreadable
	ErrNotAMember     = errors.New("NotAMemberError")
	ErrAlreadyAMember = errors.New("MMAlreadyAMember")
	ErrEmailAddress   = errors.New("EmailAddressError") // base class of the next two
	ErrBadEmail       = fmt.Errorf("MMBadEmailError: %w", ErrEmailAddress)
	ErrHostileAddress = fmt.Errorf("MMHostileAddress: %w", ErrEmailAddress)

	ErrCantDigest                        = errors.New("CantDigestError") // the list has no digests
	ErrMustDigest                        = errors.New("MustDigestError") // the list has nothing but digests
	ErrAlreadyReceivingDigests           = errors.New("AlreadyReceivingDigests")
	ErrAlreadyReceivingRegularDeliveries = errors.New("AlreadyReceivingRegularDeliveries")
)

// ArgError is one of the errors above with the argument Mailman raises it with,
// which is what its str() is.
type ArgError struct {
	Err error
	Arg string
}

func (e *ArgError) Error() string { return fmt.Sprintf("%v: %q", e.Err, e.Arg) }

// Unwrap makes errors.Is find the exception.
func (e *ArgError) Unwrap() error { return e.Err }

// ErrNeedsPython says that only the installation's own Python can handle this
// list: an extend.py, a config.db, a data_version older than the installed
// one, a pattern that Go's regular expressions cannot express.
type ErrNeedsPython struct {
	List   string
	Reason string
}

func (e *ErrNeedsPython) Error() string {
	return fmt.Sprintf("list %s needs Mailman's own Python: %s", e.List, e.Reason)
}

// AttributeError says that the list lacks an attribute Mailman cannot do
// without.
type AttributeError struct {
	List string
	Name string
}

func (e *AttributeError) Error() string {
	return fmt.Sprintf("list %s has no attribute %s", e.List, e.Name)
}
