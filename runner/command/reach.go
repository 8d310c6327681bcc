package command

import (
	"math"
	"regexp"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/runner"
)

// A confirmation of a change of address on all lists (MailList.ApprovedChangeMemberAddress, globally) is the only
// command that changes other lists than its own.

// cookieRE matches the cookie of a confirmation: Pending.pend_new makes
// cookies of SHA-1.
var cookieRE = regexp.MustCompile(`\b[0-9a-f]{40}\b`)

// maxCookies is how many cookies of one message are looked up.
const maxCookies = 100

// cookies returns the cookies in the parts of a message that may confirm a request.
func cookies(m *message.Message) (found []string) {
	add := func(text string) {
		if len(found) < maxCookies {
			found = append(found, cookieRE.FindAllString(text, maxCookies)...)
		}
	}

	for _, field := range []string{"to", "subject"} {
		text, _ := m.Get(field)
		add(text)
	}

	for part := range m.TypedSubpartIterator("text", "plain") {
		if body, ok, err := part.GetPayloadDecoded(); ok && err == nil {
			add(body)
		}
		break
	}

	return found
}

// Reaches returns those lists among some on which an entry may change an address: all lists of the same host. Their
// members may change before the entry is applied.
func (h *Handler) Reaches(lists runner.Lists, e *runner.Entry, among []string) (names []string) {
	found, _ := e.Work.([]string)
	if !slices.ContainsFunc(found, func(cookie string) bool { return changesAll(lists, e.List, cookie) }) {
		return nil
	}

	own := lists.LastRead(e.List, math.MaxInt64)
	for _, name := range among {
		if l := lists.LastRead(name, math.MaxInt64); name != e.List && l != nil && own != nil && l.HostName() == own.HostName() {
			names = append(names, name)
		}
	}

	return names
}

// changesAll tells whether a cookie's record changes an address on all lists.
func changesAll(lists runner.Lists, list, cookie string) bool {
	record, ok := lists.Pended(list, cookie)
	if !ok {
		return false
	}
	items, ok := py.Items(record)
	if !ok || len(items) < 4 {
		return false
	}

	kind, _ := py.StringOf(items[0])
	return kind == pending.ChangeOfAddress && py.Truth(items[3])
}
