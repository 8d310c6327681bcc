package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// dsn is Bouncers/DSN.py, for delivery status notifications (RFC 3464).
type dsn struct {
	// whole looks for reports anywhere in the message (since 2.1.29). Before that the message must have a report's
	// structure.
	whole bool
	// failures are the beginnings of the actions that count as a bounce.
	failures []string
}

func newDSN(*source) detector { return &dsn{whole: true, failures: []string{"fail", "error"}} }

// newDSNStrict is the module up to 2.1.29.
func newDSNStrict(*source) detector { return &dsn{failures: []string{"fail"}} }

// newDSNStrictError is the variant of some copies of 2.1.29, between the two forms.
func newDSNStrictError(*source) detector { return &dsn{failures: []string{"fail", "error"}} }

func (d *dsn) process(s *scan) verdict {
	// Since 2.1.29 the whole message is searched; before, only reports in these places were found.
	if d.whole {
		return d.reports(s.walk())
	}

	// A multipart of three parts, with the report in the middle, whatever its own type is.
	m := s.m
	parts := m.Parts()
	if len(parts) == 3 && parts[1].GetContentType() == "message/delivery-status" {
		return d.below(parts[1])
	}

	// A report may be wrapped in a multipart/mixed and in a message/rfc822.
	for _, wrapped := range []func(*message.Message) bool{
		func(m *message.Message) bool { return m.GetContentSubtype() == "mixed" },
		func(m *message.Message) bool { return m.GetContentType() == "message/rfc822" },
	} {
		if m.IsMultipart() && wrapped(m) {
			if len(m.Parts()) == 0 {
				return raise("IndexError", "list index out of range")
			}
			m = m.Parts()[0]
		}
	}

	if !m.IsMultipart() || m.GetContentSubtype() != "report" {
		return verdict{}
	}

	return d.below(m)
}

func (d *dsn) below(m *message.Message) verdict { return d.reports(walk(nil, m)) }

// reports goes through the delivery reports among parts. Each holds a block of
// fields for each recipient, as a message of its own.
func (d *dsn) reports(parts []*message.Message) verdict {
	var found []string
	// RFC 3464, 2.1: blocks of fields, each read as a message of its own.
	for _, part := range parts {
		if !part.IsMultipart() || part.GetContentType() != "message/delivery-status" {
			continue
		}
		blocks := part.Parts()
		for i, block := range blocks {
			if i > 0 && block == blocks[i-1] {
				// Equal blocks in a row are one object, see walk: one look at it is enough.
				continue
			}
			action := py.Lower(get(block, "action"))
			// RFC 3464, 2.3.3: a delay is no failure, and the whole report then counts as a warning.
			if strings.HasPrefix(action, "delayed") {
				return verdict{stop: true}
			}

			if d.failed(action) {
				found = append(found, recipients(block)...)
			}
		}
	}

	// The addresses of the fields, each once.
	var addrs addresses
	for _, field := range found {
		a, err := message.ParseAddr(field)
		if err == nil {
			err = addrs.set(a.Addr)
		}

		if err != nil {
			return verdict{err: err}
		}
	}

	return addrs.verdict(nil)
}

func (d *dsn) failed(action string) bool {
	for _, begins := range d.failures {
		if strings.HasPrefix(action, begins) {
			return true
		}
	}
	return false
}

// recipients returns the recipients in a block's first field that has the address type rfc822 (RFC 3464, 2.3.1 and
// 2.3.2). A field without the type counts for an address in angle brackets only. What a field has after an equals sign
// is lost, since get_params takes it for a parameter's value. DSN.py keeps the names of the earlier field in its list.
func recipients(block *message.Message) (found []string) {
	var names []string
	for _, field := range []string{"original-recipient", "final-recipient"} {
		typed := false
		params, _ := block.GetParams(field, true)
		for _, p := range params {
			if py.Lower(p.Name) == "rfc822" {
				typed = true
			} else {
				names = append(names, p.Name)
			}
		}

		// DSN.py stops at the field with the type.
		if typed {
			return append(found, names...)
		}

		for _, name := range names {
			if strings.HasPrefix(name, "<") && strings.HasSuffix(name, ">") {
				found = append(found, inside(name))
			}
		}
	}

	return found
}

// inside is name[1:-1].
func inside(name string) string {
	if len(name) < 2 {
		return ""
	}
	return name[1 : len(name)-1]
}
