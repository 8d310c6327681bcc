package shadow

import (
	"fmt"
	"sort"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
)

// notCompared are header fields that only say how or when a message was written.
var notCompared = map[string]bool{
	"message-id": true, "date": true, "mime-version": true, "content-transfer-encoding": true,
	"errors-to": true, "content-type": true, "lines": true,
}

// entry writes a queue entry as text that is equal for entries of equal meaning: its metadata, its fields decoded and
// unfolded, and the decoded text of its parts.
func (ms masks) entry(base string, b []byte) string {
	it, err := qfile.Decode(base, b)
	if err != nil {
		return "cannot be read: " + err.Error()
	}

	// These keys may differ without a difference to any reader.
	d := pickle.NewDict()
	for k, v := range it.Data.Dict().All() {
		switch name, _ := k.(pickle.Str); name {
		case "received_time", "version", "_parsemsg", "lang":
		default:
			d.Set(k, ms.value(v))
		}
	}

	// Metadata in the order of the keys.
	var keys []string
	values := map[string]string{}
	for k, v := range d.All() {
		name := pickle.Repr(k, 200)
		keys = append(keys, name)
		values[name] = pickle.Repr(v, 2000)
	}

	sort.Strings(keys)
	var lines []string
	for _, k := range keys {
		lines = append(lines, "metadata "+k+": "+values[k])
	}
	m, err := it.Parse()
	if err != nil {
		lines = append(lines, "the message: "+err.Error())
	} else {
		lines = append(lines, ms.message(m)...)
	}

	return strings.Join(lines, "\n")
}

func (ms masks) message(m *message.Message) []string {
	// Header fields in the order of their names, without those that are made anew each time.
	var fields []string
	for h := range m.Headers() {
		name := strings.ToLower(h.Name)
		if !notCompared[name] {
			fields = append(fields, name+": "+ms.text(fieldText(h.Value)))
		}
	}

	sort.Strings(fields)
	// The parts in their order, decoded: another encoding of the same text is no difference.
	for part := range m.Walk() {
		fields = append(fields, "--- "+part.GetContentType())
		if part.IsMultipart() {
			continue
		}

		body, _, err := part.GetPayloadDecoded()
		if err != nil {
			body = fmt.Sprintf("cannot be decoded: %v", err)
		}

		charset, ok := part.GetContentCharset()
		if !ok {
			charset = "ascii"
		}

		fields = append(fields, ms.text(strings.TrimSpace(decoded(body, charset))))
	}

	return fields
}

func decoded(s, charset string) string {
	if charset == "" {
		charset = "ascii"
	}
	u, err := codec.Decode(s, charset, "replace")
	if err != nil {
		u, _ = codec.Decode(s, "latin-1", "strict")
	}
	return u
}

// fieldText is a header field's value, unfolded and decoded. Folding means nothing (RFC 5322, 2.2.3), and an encoded
// word means its text (RFC 2047).
func fieldText(v any) string {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case pickle.Unicode:
		return string(v)
	case *message.HeaderValue:
		if u, err := v.Unicode(); err == nil {
			return strings.Join(strings.Fields(u), " ")
		}
		s = v.String()
	default:
		return fmt.Sprintf("%v", v)
	}

	chunks, err := message.DecodeHeader(strings.Join(strings.Fields(s), " "))
	if err != nil {
		return decoded(s, "latin-1")
	}
	var out strings.Builder
	for _, c := range chunks {
		out.WriteString(decoded(c.S, c.Charset))
	}
	return out.String()
}
