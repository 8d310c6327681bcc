package membership

import (
	"errors"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
)

// These are the exceptions of Mailman/Errors.py that the functions here raise
// besides maillist's; ask with errors.Is.
var (
	ErrAlreadyPending      = errors.New("MMAlreadyPending")
	ErrBanned              = errors.New("MembershipIsBanned")
	ErrBadConfirmation     = errors.New("MMBadConfirmation")
	ErrBadPassword         = errors.New("MMBadPasswordError")
	ErrCantDigest          = errors.New("MMCantDigestError") // the list has no digests
	ErrMustDigest          = errors.New("MMMustDigestError") // the list has nothing but digests
	ErrNeedApproval        = errors.New("MMNeedApproval")
	ErrNeedsConfirmation   = errors.New("MMSubscribeNeedsConfirmation")
	ErrHostileSubscription = errors.New("HostileSubscriptionError")
)

// What follows are exceptions that nobody in Mailman catches: the runner logs
// them and shunts the entry.

func keyError(key string) error {
	return &message.PyError{Kind: "KeyError", Text: pickle.Repr(pickle.Str(key), 200)}
}

func attributeError(class, name string) error {
	return &message.PyError{Kind: "AttributeError", Text: fmt.Sprintf("%s instance has no attribute '%s'", class, name)}
}
