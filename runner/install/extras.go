package install

import (
	"slices"
	"strings"
)

// Extras says what mmrunner does besides the runners that it always replaces. What is nil stays as mm_cfg.py has it:
// who installs one thing after another, or a newer mmrunner, wants to keep the rest.
type Extras struct {
	Outgoing *bool   // OutgoingRunner
	LMTP     *string // the address on which it takes mail; "" for no LMTP
}

// The lines of the block, by how they begin. All others in it are the site's own.
const (
	pythonLine   = "PYTHON = "
	outgoingLine = "MMRUNNER_OUTGOING = "
	lmtpLine     = "MMRUNNER_LMTP = "
	runnersLine  = "QRUNNERS = QRUNNERS + [('LMTPRunner', 1)]"
)

// settings returns the lines between the first and the last of a block that had those of was.
func settings(was []string, binary string, with Extras) string {
	lines := []string{pythonLine + pythonString(binary)}
	keep := func(begins ...string) {
		for _, line := range was {
			if beginsWith(line, begins...) {
				lines = append(lines, line)
			}
		}
	}

	switch {
	case with.Outgoing == nil:
		keep(outgoingLine)
	case *with.Outgoing:
		lines = append(lines, outgoingLine+"Yes")
	}

	switch {
	case with.LMTP == nil:
		keep(lmtpLine, runnersLine)
	case *with.LMTP != "":
		lines = append(lines, lmtpLine+pythonString(*with.LMTP), runnersLine)
	}

	for _, line := range was {
		if !beginsWith(line, pythonLine, outgoingLine, lmtpLine, runnersLine) {
			lines = append(lines, line)
		}
	}

	return strings.Join(lines, "\n") + "\n"
}

// beginsWith tells whether a line begins with one of some texts.
func beginsWith(line string, begins ...string) bool {
	return slices.ContainsFunc(begins, func(begin string) bool { return strings.HasPrefix(line, begin) })
}
