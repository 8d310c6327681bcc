package bounce

import (
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
)

// Waits tells whether an entry is a bounce to be registered: Mailman registers all detected bounces from time to
// time. It handles all other messages at once: bounces without an address, warnings, probes, and those to the site
// list.
func (h *Handler) Waits(s *site.Site, e *runner.Entry) bool {
	if _, _, ok := detectedIn(e.Data); ok {
		return false // it has waited already
	}
	scan, ok := e.Work.(*work)
	if !ok || scan.Stop && !scan.secondBounce() || scan.Err != nil || scan.NeedPython != "" || e.List == py.Lower(s.Str("MAILMAN_SITE_LIST")) {
		return false
	}

	msg, err := e.Head()
	if err != nil {
		return false
	}

	// A list's bounces address is made of the list's name.
	mailbox := e.List + "-bounces"
	if verp := h.detect.VerpBounce(mailbox, msg); verp.Value != "" || verp.Err != nil || verp.NeedPython != "" {
		return verp.Err == nil && verp.NeedPython == ""
	}

	probe := h.detect.VerpProbe(mailbox, msg, func(string) bool { return true })
	return (len(scan.Addrs) > 0 || scan.secondBounce()) && probe.Value == "" && probe.Err == nil && probe.NeedPython == ""
}

// Every is REGISTER_BOUNCES_EVERY.
func (h *Handler) Every(s *site.Site) time.Duration { return s.Duration("REGISTER_BOUNCES_EVERY") }

// Order returns the order of Mailman's dict of events by list. It decides where one list's bounces count against
// another that it includes, and in what language. Lists without events come first.
func (h *Handler) Order(lists runner.Lists, names []string, entries map[string][]*runner.Entry) []string {
	if len(names) < 2 {
		return names
	}
	var without, with []string
	for _, name := range names {
		if h.registers(lists, name) && slices.ContainsFunc(entries[name], h.bounces) {
			with = append(with, name)
		} else {
			without = append(without, name)
		}
	}

	return append(without, py.DictOrder(with)...)
}

// smallList is the size in bytes up to which a list is read only to tell whether it processes bounces. Lists that get
// many bounces process them.
const smallList = 1 << 20

// registers tells whether bounces are registered for a list at all.
func (h *Handler) registers(lists runner.Lists, name string) bool {
	if name == py.Lower(lists.Site().Str("MAILMAN_SITE_LIST")) || !maillist.Exists(lists.Site(), name, nil) {
		return false
	}
	l := lists.LastRead(name, smallList)
	return l == nil || l.Bool("bounce_processing")
}

func (h *Handler) bounces(e *runner.Entry) bool {
	w, ok := e.Work.(*work)
	if !ok || w.Stop && !w.secondBounce() {
		return false
	}
	if len(w.Addrs) > 0 || w.secondBounce() {
		return true
	}

	m, err := e.Head()
	return err == nil && h.detect.VerpBounce(e.List+"-bounces", m).Value != ""
}
