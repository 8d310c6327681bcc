package maillist

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// These are the exceptions of Mailman/Errors.py that list state can raise; compare with errors.Is. Most are raised
// with an argument (With).
var (
	ErrUnknownList    = &py.Error{Class: "MMUnknownListError"}         // no such list
	ErrCorruptList    = &py.Error{Class: "MMCorruptListDatabaseError"} // config.pck and all its fallbacks are unreadable
	ErrNotAMember     = &py.Error{Class: "NotAMemberError"}
	ErrAlreadyAMember = &py.Error{Class: "MMAlreadyAMember"}
	ErrEmailAddress   = &py.Error{Class: "EmailAddressError"} // base class of the next two
	ErrBadEmail       = &py.Error{Class: "MMBadEmailError", Base: ErrEmailAddress}
	ErrHostileAddress = &py.Error{Class: "MMHostileAddress", Base: ErrEmailAddress}

	ErrCantDigest                        = &py.Error{Class: "CantDigestError"} // the list has no digests
	ErrMustDigest                        = &py.Error{Class: "MustDigestError"} // the list has nothing but digests
	ErrAlreadyReceivingDigests           = &py.Error{Class: "AlreadyReceivingDigests"}
	ErrAlreadyReceivingRegularDeliveries = &py.Error{Class: "AlreadyReceivingRegularDeliveries"}
)

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
