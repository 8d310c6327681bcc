package i18n

import (
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// SafeInterp is format % SafeDict(vars): a name that vars lacks stays as it is. The error is a *py.Error.
func SafeInterp(format Text, vars Vars) (Text, error) {
	return py.FormatMap(format, func(name string, unicode bool) (any, error) {
		v, ok := vars[name]
		switch {
		case ok:
			return v, nil
		case unicode:
			// SafeDict returns a missing name only if it is a str.
			return "<Missing key: " + pickle.Repr(pickle.Unicode(name), 1<<16) + ">", nil
		}

		return "%(" + name + ")s", nil
	})
}
