package bounce

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
)

// Waits tells whether an entry is a bounce that is to be registered, which
// Mailman does with all that it has detected from time to time. All else it
// does at once: what nobody understands, what is no error, probes, and what came
// to the site list.
func (h *Handler) Waits(s *site.Site, e *runner.Entry) bool {
	if _, _, ok := detectedIn(e.Data); ok {
		return false // it has waited
	}
	scan, ok := e.Work.(*work)
	if !ok || scan.Stop && !scan.secondBounce() || scan.Err != nil || scan.NeedPython != "" || e.List == py.Lower(s.Str("MAILMAN_SITE_LIST")) {
		return false
	}

	msg, err := e.Head()
	if err != nil {
		return false
	}
	// A list's bounces come to an address that is made of its name.
	mailbox := e.List + "-bounces"
	if verp := h.detect.VerpBounce(mailbox, msg); verp.Value != "" || verp.Err != nil || verp.NeedPython != "" {
		return verp.Err == nil && verp.NeedPython == ""
	}

	probe := h.detect.VerpProbe(mailbox, msg, func(string) bool { return true })
	return (len(scan.Addrs) > 0 || scan.secondBounce()) && probe.Value == "" && probe.Err == nil && probe.NeedPython == ""
}

// Every is REGISTER_BOUNCES_EVERY.
func (h *Handler) Every(s *site.Site) time.Duration { return s.Duration("REGISTER_BOUNCES_EVERY") }
