package bounce

import (
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// The releases, 2.1.this, that changed what becomes of a bounce.
const (
	noticeWithoutPrecedence = 15 // the notice to a disabled member is no bulk mail
	emptyIsUnrecognized     = 16 // a bounce with nothing but empty addresses is not recognized
	incrementsToOwner       = 19 // bounce_notify_owner_on_bounce_increment
	disabledInNewVoice      = 19 // "disabled" in notices is in the language that the process began with
	probeWithoutInfo        = 21 // a member without bounce info is disabled all the same
	probeWithoutMember      = 24 // a probe of a member that has left raises no exception any more
	disabledInVoice         = 39 // and now in that of the moment again
)

// since tells whether the installed release is 2.1.micro or later.
func since(b runner.Batch, micro int) bool {
	return membership.Since(b.Site().Profile.HexVersion, micro)
}
