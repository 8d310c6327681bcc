package qrunner

import (
	"fmt"
	"strconv"
	"strings"
)

// Spec is one --runner argument: a runner's class name and its slice of the
// hash space.
type Spec struct {
	Name   string // e.g. "BounceRunner"
	Slice  int    // from 0; bin/qrunner's own default is 1 of 1
	Slices int    // how many slices share the queue
}

// String gives the spec in the form that --runner takes.
func (s Spec) String() string { return fmt.Sprintf("%s:%d:%d", s.Name, s.Slice, s.Slices) }

// All is the runner name that stands for every entry of mm_cfg.QRUNNERS.
const All = "All"

// Options is bin/qrunner's command line.
type Options struct {
	Help    bool   // -h: print the usage
	List    bool   // -l: print the runners' names
	Once    bool   // -o: one iteration of each runner
	Verbose bool   // -v: log each iteration
	Subproc bool   // -s: started by mailmanctl; stderr goes to the error log
	Runners []Spec // -r, in order; Name may be All
}

// UsageError is a command line that bin/qrunner refuses with exit status 1.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return "qrunner: " + e.Reason }

// longOptions are bin/qrunner's, with whether they take a value.
var longOptions = map[string]bool{
	"help": false, "list": false, "once": false, "runner": true, "verbose": false, "subproc": false,
}

var shortNames = map[byte]string{
	'h': "help", 'l': "list", 'o': "once", 'r': "runner", 'v': "verbose", 's': "subproc",
}

// Parse reads the arguments after the script's name as Python's getopt does:
// short options may be glued together, long ones cut to any unambiguous start.
// It returns a *UsageError for what bin/qrunner refuses.
func Parse(args []string) (Options, error) {
	var o Options
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}

		var err error
		if strings.HasPrefix(arg, "--") {
			args, err = o.long(arg[2:], args)
		} else {
			args, err = o.short(arg[1:], args)
		}

		if err != nil {
			return o, err
		}
	}

	if o.Help || o.List {
		return o, nil
	}
	if len(args) != 0 {
		return o, &UsageError{fmt.Sprintf("got %q, need options only", args[0])}
	}
	if len(o.Runners) == 0 {
		return o, &UsageError{"no runner name given; name one with --runner=NAME[:SLICE:SLICES]"}
	}

	return o, nil
}

func (o *Options) long(opt string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(opt, "=")
	full := ""
	for long := range longOptions {
		if long == name {
			full = long
			break
		}

		if strings.HasPrefix(long, name) {
			if full != "" {
				return nil, &UsageError{fmt.Sprintf("option --%s is not a unique prefix", name)}
			}
			full = long
		}
	}

	if full == "" {
		return nil, &UsageError{fmt.Sprintf("option --%s not recognized", name)}
	}

	if longOptions[full] && !hasValue {
		if len(rest) == 0 {
			return nil, &UsageError{fmt.Sprintf("option --%s requires argument", full)}
		}
		value, rest = rest[0], rest[1:]
	} else if !longOptions[full] && hasValue {
		return nil, &UsageError{fmt.Sprintf("option --%s must not have an argument", full)}
	}

	return rest, o.set(full, value)
}

func (o *Options) short(letters string, rest []string) ([]string, error) {
	for i := 0; i < len(letters); i++ {
		name, ok := shortNames[letters[i]]
		if !ok {
			return nil, &UsageError{fmt.Sprintf("option -%c not recognized", letters[i])}
		}

		if !longOptions[name] {
			if err := o.set(name, ""); err != nil {
				return nil, err
			}
			continue
		}

		value := letters[i+1:]
		if value == "" {
			if len(rest) == 0 {
				return nil, &UsageError{fmt.Sprintf("option -%c requires argument", letters[i])}
			}
			value, rest = rest[0], rest[1:]
		}

		return rest, o.set(name, value)
	}

	return rest, nil
}

func (o *Options) set(name, value string) error {
	switch name {
	case "help":
		o.Help = true
	case "list":
		o.List = true
	case "once":
		o.Once = true
	case "verbose":
		o.Verbose = true
	case "subproc":
		o.Subproc = true
	case "runner":
		spec, err := ParseSpec(value)
		if err != nil {
			return err
		}
		o.Runners = append(o.Runners, spec)
	}

	return nil
}

// ParseSpec reads NAME or NAME:SLICE:SLICES; the Runner at the end of a name
// may be left out. It returns a *UsageError for anything else.
func ParseSpec(s string) (Spec, error) {
	bad := &UsageError{fmt.Sprintf("got runner %q, need NAME or NAME:SLICE:SLICES", s)}
	parts := strings.Split(s, ":")
	spec := Spec{Name: parts[0], Slice: 1, Slices: 1}

	switch len(parts) {
	case 1:
	case 3:
		var err1, err2 error
		spec.Slice, err1 = strconv.Atoi(strings.TrimSpace(parts[1]))
		spec.Slices, err2 = strconv.Atoi(strings.TrimSpace(parts[2]))
		if err1 != nil || err2 != nil {
			return spec, bad
		}
	default:
		return spec, bad
	}

	if spec.Name != All {
		spec.Name = ClassName(spec.Name)
	}

	return spec, nil
}

// ClassName is a runner's class name; the Runner at its end may be left out.
func ClassName(name string) string { return strings.TrimSuffix(name, "Runner") + "Runner" }
