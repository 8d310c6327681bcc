package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// GetSender is Mailman.Message.get_sender: the address that the message is from. useEnvelope is the argument or,
// where none is given, mm_cfg.USE_ENVELOPE_SENDER.
func (m *Message) GetSender(useEnvelope, preserveCase bool) (string, error) {
	fields := [...]string{"from", "sender"}
	if useEnvelope {
		fields = [...]string{"sender", "from"}
	}

	// The first field with an address wins; of several addresses in it the first one counts.
	address, found := "", false
	for _, name := range fields {
		v, _ := m.Get(name)
		if v == "" {
			continue
		}

		addrs, err := GetAddresses([]string{unfold(v)})
		if err != nil {
			return "", err
		}
		if len(addrs) == 0 {
			continue
		}
		if address = addrs[0].Addr; address != "" {
			found = true
			break
		}
	}

	// No field has an address: the envelope sender, which is the second word of the "From " line.
	if !found {
		address = ""
		if m.Unixfrom() != nil && *m.Unixfrom() != "" {
			f := py.Split(*m.Unixfrom())
			if len(f) < 2 {
				return "", &py.Error{Class: "IndexError", Text: "list index out of range"}
			}
			address = f[1]
		}
	}

	if !preserveCase {
		address = py.Lower(address)
	}

	return address, nil
}

// GetSenders is Mailman.Message.get_senders; headers is mm_cfg.SENDER_HEADERS,
// with "" for None (the envelope).
func (m *Message) GetSenders(preserveCase bool, headers []string) ([]string, error) {
	var senders []string
	add := func(address string) {
		if !preserveCase {
			address = py.Lower(address)
		}
		senders = append(senders, address)
	}

	for _, name := range headers {
		// None among SENDER_HEADERS stands for the envelope sender.
		if name == "" {
			if m.Unixfrom() != nil {
				if f := py.Split(*m.Unixfrom()); len(f) > 1 {
					add(f[1])
				}
			}
			continue
		}

		// All addresses of all fields of the name.
		values := m.GetAll(name)
		if len(values) == 0 {
			continue
		}
		for i := range values {
			values[i] = unfold(values[i])
		}
		addrs, err := GetAddresses(values)
		if err != nil {
			return nil, err
		}

		for _, a := range addrs {
			add(a.Addr)
		}
	}

	return senders, nil
}

// unfold is ”.join(s.splitlines()).
func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.Join(py.SplitLines(s, false), "")
}
