package detect

import "github.com/mmrunner/mmrunner/mmcompat/message"

// exim is Bouncers/Exim.py: the recipients are in header fields.
type exim struct{}

func newExim(*source) detector { return exim{} }

func (exim) process(s *scan) (v verdict) {
	fields := s.m.GetAll("x-failed-recipients")
	if len(fields) == 0 {
		return verdict{}
	}

	// A hostile field could keep the parser busy for minutes.
	size := 0
	for _, field := range fields {
		size += len(field)
	}
	if size > maxField {
		return verdict{err: errField}
	}

	all, err := message.GetAddresses(fields)
	if err != nil {
		return verdict{err: err}
	}

	for _, a := range all {
		if !v.append(a.Addr, nil) {
			break
		}
	}

	return v
}
