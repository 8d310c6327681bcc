// Package detect recognizes bounces ([Detector]): it finds what Mailman's package Mailman/Bouncers finds in a
// message, with the pipeline, patterns and tables of the installation, and what Queue/BounceRunner.py finds in the
// address to which a bounce came (VERP).
//
// There is one file for each of Mailman's modules. Each has the module's way of going through a message; the patterns
// come from the profile. A module is left to the site's Python if its code is not that of a known release, or if Go
// cannot use its patterns.
//
// A detector's time is linear in the message. Where Mailman tries patterns line by line, here a pyre.Set skips the
// lines in which none of them can match.
package detect

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// Result is the result of BouncerAPI.ScanMessages for a message.
type Result struct {
	// Module is the bounce module that recognized the message, or "".
	Module string
	// Addrs are the addresses that it found, in its order, without None and empty ones (BounceRunner leaves these
	// out). A module can recognize a message and find no address in it.
	Addrs []string
	// Stop is set for a warning, which is ignored.
	Stop bool
	// NeedPython says why only the site's Python can tell. With "" this result is what Mailman would find. No other
	// field is set with a reason.
	NeedPython string
	// Err makes the entry shunted. It is the exception that Mailman would have had (a *py.Error), or a limit that the
	// message exceeds and ordinary mail does not. Only Module, the module that raised the exception, is set then.
	Err error
}

// Detector looks for bounces as one installation would. Many goroutines may use it at once.
type Detector struct {
	pipeline []stage
	tags     *tags
	problem  string // why all messages need Python
	bounce   verpPattern
	probe    verpPattern
}

// stage is one module in the pipeline.
type stage struct {
	name    string
	module  detector
	problem string // why it needs Python
}

// New makes a detector for an installation. Parts of its profile that only Python can handle show in the results, and
// not as an error. The error is for a profile that says nothing about bounces.
func New(p *site.Profile) (*Detector, error) {
	if p == nil || p.Bouncers.Pipeline == nil {
		return nil, errors.New("the profile has no bounce pipeline")
	}
	d := &Detector{tags: &tags{}}

	if api, ok := p.Modules["Bouncers/BouncerAPI"]; ok && !knownAPI[api.Code] {
		d.problem = "Bouncers/BouncerAPI is not that of a known release"
	}

	for _, name := range p.Bouncers.Pipeline {
		src := newSource(p, name, d.tags)
		st := stage{name: name, module: src.detector()}
		if src.err != nil {
			st.problem = src.err.Error()
		}
		d.pipeline = append(d.pipeline, st)
	}

	d.tags.build()
	d.bounce = newVerpPattern(p, "VERP_REGEXP")
	d.probe = newVerpPattern(p, "VERP_PROBE_REGEXP")
	return d, nil
}

// Unsupported lists which parts of the installation's bounce detection are left to Python, and why. Most
// installations have no such parts.
func (d *Detector) Unsupported() []string {
	var all []string
	for _, problem := range []string{d.problem, d.bounce.problem, d.probe.problem} {
		if problem != "" {
			all = append(all, problem)
		}
	}

	for _, st := range d.pipeline {
		if st.problem != "" {
			all = append(all, st.problem)
		}
	}

	return all
}

func newSource(p *site.Profile, name string, t *tags) *source {
	s := &source{name: name, module: p.Bouncers.Modules[name], tags: t, profile: p, known: knownVariants}
	s.dialect.OldRanges = olderThan(p.Python.Version, 2, 7, 9)
	return s
}

// sibling returns another module, for a module that imports from it.
func (s *source) sibling(name string) *source {
	o := *s
	o.name, o.module, o.err = name, s.profile.Bouncers.Modules[name], nil
	return &o
}

// variant returns the name of the module's variant, "" if it is unknown.
func (s *source) variant() string { return s.known[s.name][s.module.Code].name }

// detector makes the module's detector, or sets src.err.
func (s *source) detector() detector {
	v, ok := s.known[s.name][s.module.Code]
	switch {
	case s.module.Error != "":
		s.fail("it cannot be imported: %s", s.module.Error)
	case !ok:
		s.fail("it is not that of a known release")
	default:
		if d := v.make(s); s.err == nil {
			return d
		}
	}

	return nil
}

// olderThan compares a version like "2.7.18"; a version that cannot be read is not older.
func olderThan(version string, than ...int) bool {
	parts := strings.Split(version, ".")
	for i, want := range than {
		if i >= len(parts) {
			return false
		}
		digits := strings.TrimRightFunc(parts[i], func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.Atoi(digits)
		if err != nil || n > want {
			return false
		}
		if n < want {
			return true
		}
	}

	return false
}

func newVerpPattern(p *site.Profile, setting string) verpPattern {
	v := verpPattern{setting: setting}
	regex, ok := p.Settings[setting].Value.(pickle.Str)
	if !ok {
		v.problem = setting + " is no byte string"
		return v
	}

	v.regex = string(regex)
	var err error
	d := pyre.Dialect{OldRanges: olderThan(p.Python.Version, 2, 7, 9)}
	if v.re, err = pyre.CompileFor(d, v.regex, 0); err != nil {
		v.problem = fmt.Sprintf("%s: %v", setting, err)
	}

	return v
}

// Scan is BouncerAPI.ScanMessages.
func (d *Detector) Scan(m *message.Message) Result {
	// Bounces that only Python reads as Mailman does go there, before any detector has had its say.
	if d.problem != "" {
		return Result{NeedPython: d.problem}
	}
	s := &scan{m: m, tags: d.tags}
	if err := s.excess(); err != nil {
		return Result{Err: err}
	}
	if reason := s.unusual(); reason != "" {
		return Result{NeedPython: reason}
	}

	// The detectors in BouncerAPI's order. The first that finds an address, or asks to stop, decides.
	for _, st := range d.pipeline {
		if st.problem != "" {
			return Result{NeedPython: st.problem}
		}
		v := st.module.process(s)
		switch {
		case errors.Is(v.err, errLines):
			return Result{NeedPython: v.err.Error()}
		case v.err != nil:
			return Result{Module: st.name, Err: v.err}
		case v.stop:
			return Result{Module: st.name, Stop: true}
		case len(v.addrs) > 0:
			r := Result{Module: st.name}
			// ScanMessages leaves out empty addresses.
			for _, a := range v.addrs {
				if a != "" {
					r.Addrs = append(r.Addrs, a)
				}
			}
			return r
		}
	}

	return Result{}
}

// unusual tells what in a message only Python can handle: values that no parsed message has, but only a message that
// other software has pickled.
func (s *scan) unusual() string {
	for _, part := range s.walk() {
		switch part.Payload.(type) {
		case nil, string, []*message.Message:
		default:
			return "the message has a payload that is no byte string"
		}

		for h := range part.Headers() {
			if _, ok := h.Value.(string); !ok {
				return "the message has a field that is no byte string"
			}
		}
	}

	return ""
}

// unusualFields is unusual for some header fields of the message.
func unusualFields(m *message.Message, names []string) string {
	for h := range m.Headers() {
		if _, ok := h.Value.(string); ok {
			continue
		}

		for _, name := range names {
			if strings.EqualFold(h.Name, name) {
				return "the message has a field that is no byte string"
			}
		}
	}

	return ""
}
