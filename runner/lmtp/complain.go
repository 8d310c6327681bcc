package lmtp

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// complainEvery is how often the same complaint is logged.
const complainEvery = time.Minute

// complain logs an error, and one that comes again and again once a minute.
func (s *Server) complain(err error) {
	if s.o.Log == nil {
		return
	}
	key := err.Error()
	var path *os.PathError
	if errors.As(err, &path) {
		key = path.Err.Error()
	}

	s.mu.Lock()
	last, now := s.complained[key], time.Now()
	if len(s.complained) > 1000 {
		clear(s.complained)
	}

	if now.Sub(last) >= complainEvery {
		s.complained[key] = now
	}

	s.mu.Unlock()
	if now.Sub(last) >= complainEvery {
		s.o.Log.Printf("error", "LMTP: %v", err)
	}
}

// errorLog logs go-smtp's errors, but not that a client has left.
type errorLog struct{ s *Server }

func (l errorLog) Printf(format string, v ...any) {
	if !strings.HasPrefix(format, "error handling") {
		l.s.complain(fmt.Errorf(format, v...))
	}
}

func (l errorLog) Println(v ...any) { l.s.complain(errors.New(fmt.Sprint(v...))) }
