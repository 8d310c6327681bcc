package bounce

import (
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// The releases, as micro numbers of 2.1, that changed what becomes of a bounce.
const (
	noticeWithoutPrecedence   = 15 // the notice to a disabled member is no bulk mail
	emptyIsUnrecognized       = 16 // a bounce with nothing but empty addresses is not recognized
	incrementsToOwner         = 19 // bounce_notify_owner_on_bounce_increment
	disabledInFirstLanguage   = 19 // "disabled" in notices is in the language with which the process began
	probeWithoutInfo          = 21 // a member without bounce info is disabled all the same
	probeWithoutMember        = 24 // a probe of a member that has left raises no exception
	disabledInPresentLanguage = 39 // and in the present language again
)

// since tells whether the installed release is 2.1.micro or later.
func since(b runner.Batch, micro int) bool {
	return membership.Since(b.Site().Profile.HexVersion, micro)
}
