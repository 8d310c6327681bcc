package detect

import "github.com/mmrunner/mmrunner/mmcompat/message"

// exim is Bouncers/Exim.py: the recipients are in header fields.
type exim struct{}

func newExim(*source) detector { return exim{} }

func (exim) process(s *scan) verdict {
	fields := s.m.GetAll("x-failed-recipients")
	if len(fields) == 0 {
		return verdict{}
	}
	all, err := message.GetAddresses(fields)
	if err != nil {
		return verdict{err: err}
	}
	var addrs []string
	for _, a := range all {
		addrs = append(addrs, a.Addr)
	}
	return verdict{addrs: addrs}
}
