package command

import (
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/membership"
)

func (r *results) since(micro int) bool { return since(r.s, micro) }

func since(s *site.Site, micro int) bool {
	return membership.Since(s.Profile.HexVersion, micro)
}

// The releases that changed what CommandRunner does.
const (
	listIsReread           = 15 // each entry reads the list anew, again under its lock if it was saved in this second
	subjectIgnoresNonASCII = 15
	sendersAreEncoded      = 15 // addresses are looked for in headers as they are
	confirmNamesAction     = 15 // the answer says whether a held message was approved
	noCommandIsDiscarded   = 15 // DISCARD_MESSAGE_WITH_NO_COMMAND, RESPONSE_INCLUDE_LEVEL
	gluedPrefix            = 19 // "Re:help" is a command
	onlySubjectIsRetried   = 20
	dotIsCaught            = 20 // "help." is no command, and raises no exception
	nullIsCaught           = 22 // a word with a null byte is no command
	bodyIsConverted        = 35
)
