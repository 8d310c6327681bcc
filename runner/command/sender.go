package command

import (
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// sender is msg.get_sender().
func (r *results) sender() (string, error) {
	msg, err := r.onelined("from", "sender")
	if err != nil {
		return "", err
	}
	return msg.GetSender(r.s.Bool("USE_ENVELOPE_SENDER"), false)
}

// senders is msg.get_senders().
func (r *results) senders() ([]string, error) {
	headers := r.senderHeaders()
	msg, err := r.onelined(headers...)
	if err != nil {
		return nil, err
	}
	return msg.GetSenders(false, headers)
}

// senderHeaders are the headers that get_senders() reads.
func (r *results) senderHeaders() []string {
	v, _ := r.s.Value("SENDER_HEADERS")
	var items []pickle.Value
	switch v := v.(type) {
	case *pickle.Tuple:
		items = v.Items
	case *pickle.List:
		items = v.Items
	}

	headers := make([]string, len(items))
	for i, item := range items {
		// GetSenders takes "" for None, the envelope.
		name, _ := item.(pickle.Str)
		headers[i] = string(name)
	}

	return headers
}

// onelined returns the message as releases see it that decode a header before they look for addresses in it.
func (r *results) onelined(headers ...string) (*message.Message, error) {
	if r.since(sendersAreEncoded) {
		return r.msg, nil
	}
	for i, name := range headers {
		headers[i] = py.Lower(name)
	}
	return r.msg.WithHeaders(func(h message.Header) (message.Header, error) {
		if !slices.Contains(headers, py.Lower(h.Name)) {
			return h, nil
		}
		line, err := r.oneline(h.Text())
		h.Value = line
		return h, err
	})
}

// oneline is Utils.oneline(s, 'us-ascii').
func (r *results) oneline(s string) (string, error) {
	var u string
	chunks, err := message.DecodeHeader(s)
	if err == nil {
		var h *message.HeaderValue
		if h, err = message.MakeHeader(r.b.Charsets(), chunks, message.HeaderOptions{}); err == nil {
			u, err = h.Unicode()
		}
	}

	raised := py.AsError(err)
	switch {
	case err == nil:
		return codec.Encode(strings.Map(noLineEnd, u), "us-ascii", codec.Replace)
	case raised != nil && (raised.Class == "CharsetError" || raised.Class == "TypeError"):
		return "", err
	}

	return strings.Join(py.SplitLines(s, false), ""), nil
}

// noLineEnd drops the characters at which Python's unicode.splitlines() splits.
func noLineEnd(c rune) rune {
	if strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", c) {
		return -1
	}
	return c
}
