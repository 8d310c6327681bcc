package beyond

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/message"
)

// WithoutNestedReports returns a message without the delivery reports that lie
// inside a message that it returns, and whether it has some. Mailman's DSN module
// counts these as if the mail server had written them, so the author of a post
// can charge any member with bounces of it. The message itself is not changed, and
// returned as it is if it has none.
func WithoutNestedReports(m *message.Message) (*message.Message, bool) {
	if !hasNested(m) {
		return m, false
	}
	return withoutReports(m, m, false), true
}

// returns tells whether a part is the returned message. A filter that adds a text of
// its own wraps the whole report into a message part too; that part has the report's
// own Message-ID, which the author of a post cannot know.
func returns(part, top *message.Message) bool {
	switch part.GetContentType() {
	case "message/rfc822", "message/global", "message/partial", "message/news":
		return !wraps(part, top)
	}
	return false
}

// wraps tells whether a part is a message that is the report itself.
func wraps(part, top *message.Message) bool {
	if len(part.Parts()) != 1 {
		return false
	}
	outer, _ := top.Get("message-id")
	inner, _ := part.Parts()[0].Get("message-id")
	return outer != "" && outer == inner
}

func hasNested(m *message.Message) bool {
	inside := map[*message.Message]bool{}
	for part := range m.Walk() {
		in := inside[part]
		if in && part.GetContentType() == "message/delivery-status" {
			return true
		}

		if in || part != m && returns(part, m) {
			for _, below := range part.Parts() {
				inside[below] = true
			}
		}
	}

	return false
}

// withoutReports copies what lies on the way to the reports inside a returned
// message, and leaves these out.
func withoutReports(m, top *message.Message, inside bool) *message.Message {
	parts := m.Parts()
	if parts == nil {
		return m
	}

	inside = inside || m != top && returns(m, top)
	out := *m
	below := make([]*message.Message, 0, len(parts))
	for _, part := range parts {
		if inside && part.GetContentType() == "message/delivery-status" {
			continue
		}
		below = append(below, withoutReports(part, top, inside))
	}

	if slices.Equal(below, parts) {
		return m
	}
	out.Payload = below
	return &out
}
