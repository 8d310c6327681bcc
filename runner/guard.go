package runner

import (
	"fmt"
	"runtime"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Guard calls f and turns a panic into an error with the place it came from, as
// Runner.py's catch-all turns an exception into a log line.
func Guard(f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if e, ok := p.(*py.Error); ok {
			err = e // one of Python's, from below a function that returns none
			return
		}

		trace := make([]byte, 4096)
		trace = trace[:runtime.Stack(trace, false)]

		if e, ok := p.(error); ok {
			err = fmt.Errorf("%w\n%s", e, trace)
		} else {
			err = fmt.Errorf("%v\n%s", p, trace)
		}
	}()

	return f()
}
