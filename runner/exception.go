package runner

import (
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// LogException writes to the error log that an entry failed, as Runner._log: the
// text and, where Mailman would have had an exception, a line with its class. Where
// Python would show its own source there is nothing.
func LogException(log mlog.Logger, err error) {
	raised := py.FromError(err)
	if raised == nil {
		log.Printf("error", "Uncaught runner exception: %v", err)
		return
	}
	log.Printf("error", "Uncaught runner exception: %s", raised.Text)
	log.Printf("error", "%s\n", raised.Error())
}
