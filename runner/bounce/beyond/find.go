package beyond

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/message"
)

// Kind says what a message is, as far as its structure shows.
type Kind string

// The kinds. Only a Bounce has recipients.
const (
	None         Kind = ""             // none of these
	Bounce       Kind = "bounce"       // a delivery has failed for good
	Delayed      Kind = "delayed"      // a delivery is still being tried (RFC 3464, 2.3.3)
	delivered    Kind = "delivered"    // a delivery, relaying or expansion has succeeded
	Notification Kind = "notification" // a message disposition notification (RFC 8098)
	AutoReply    Kind = "autoreply"    // a vacation notice or the like (RFC 3834)
	Complaint    Kind = "complaint"    // a feedback report (ARF, RFC 5965)
)

// Result says what one message is and, for a bounce, for whom.
type Result struct {
	Kind       Kind
	Rule       string // the rule that decided, as the package documentation names it
	Recipients []Recipient
}

// Recipient is an address that could not be reached.
type Recipient struct {
	// Addr is the address, in UTF-8, as it was most likely written when the
	// message was sent.
	Addr string
	// Also are other ways to write it: the domain in A-labels and U-labels (RFC
	// 5890), text that was encoded, and the address that it was forwarded to. A
	// list may have any of these as its member.
	Also []string
}

// Forms are all ways to write the recipient's address, the likeliest first.
func (r Recipient) Forms() []string { return append([]string{r.Addr}, r.Also...) }

// Forms are all ways to write an address that a report gives: as it stands there,
// then decoded (xtext of RFC 3461, the escapes of RFC 6533 and of Exim), each with its
// domain in A-labels and in U-labels.
func Forms(addr string) []string { return variants([]string{addr}) }

// maxRecipients is how many recipients are taken from one message. More are in
// no true report that Mailman's modules do not know.
const maxRecipients = 1000

// Find looks at a message in which Mailman's modules have found nothing.
func Find(m *message.Message) Result {
	r := readReport(m)

	// The parts' types and the fields of RFC 3464.
	groups := r.statusGroups()
	failed := r.failures(groups)
	switch {
	case r.feedback:
		return Result{Kind: Complaint, Rule: "feedback"}
	case len(failed) > 0:
		return Result{Kind: Bounce, Rule: "status", Recipients: failed}
	case r.disposition:
		return Result{Kind: Notification, Rule: "disposition"}
	}

	if kind := progress(groups); kind != None {
		return Result{Kind: kind, Rule: "status"}
	}

	// Complaints and replies that do not say so by their type.
	if r.isComplaint() {
		return Result{Kind: Complaint, Rule: "feedback"}
	}
	if r.isAutoReply() {
		return Result{Kind: AutoReply, Rule: "autoreply"}
	}
	if !r.bySystem() {
		return Result{}
	}

	// The report's text.
	groups = r.textGroups()
	if failed := r.failures(groups); len(failed) > 0 {
		return Result{Kind: Bounce, Rule: "status-text", Recipients: failed}
	}
	if kind := progress(groups); kind != None {
		return Result{Kind: kind, Rule: "status-text"}
	}

	return r.prose()
}

// FailedBesideDelayed looks at a report of delivery that Mailman ignores because
// it tells of a delay: one with a delayed and a failed recipient is ignored for
// both. It finds the failed ones.
func FailedBesideDelayed(m *message.Message) Result {
	r := readReport(m)
	if failed := r.failures(r.statusGroups()); len(failed) > 0 {
		return Result{Kind: Bounce, Rule: "status", Recipients: failed}
	}
	return Result{}
}

// recipients makes recipients of candidates, each once, and leaves out the ones
// that must not be charged: the addresses of its senders.
func (r *report) recipients(found [][]string) []Recipient {
	var all []Recipient
	seen := map[string]bool{}
	for _, forms := range found {
		forms = variants(forms)
		if len(forms) == 0 || len(all) == maxRecipients || slices.ContainsFunc(forms, r.sender) {
			continue
		}

		if k := fold(forms[0]); !seen[k] {
			seen[k] = true
			all = append(all, Recipient{Addr: forms[0], Also: forms[1:]})
		}
	}

	return all
}
