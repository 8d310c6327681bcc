package membership

import "github.com/mmrunner/mmrunner/mmcompat/py"

// These are the exceptions of Mailman/Errors.py that the functions here raise, besides those of maillist; compare
// with errors.Is.
var (
	ErrAlreadyPending      = &py.Error{Class: "MMAlreadyPending"}
	ErrBanned              = &py.Error{Class: "MembershipIsBanned"}
	ErrBadConfirmation     = &py.Error{Class: "MMBadConfirmation"}
	ErrBadPassword         = &py.Error{Class: "MMBadPasswordError"}
	ErrCantDigest          = &py.Error{Class: "MMCantDigestError"} // the list has no digests
	ErrMustDigest          = &py.Error{Class: "MMMustDigestError"} // the list has nothing but digests
	ErrNeedApproval        = &py.Error{Class: "MMNeedApproval"}
	ErrNeedsConfirmation   = &py.Error{Class: "MMSubscribeNeedsConfirmation"}
	ErrHostileSubscription = &py.Error{Class: "HostileSubscriptionError"}
)
