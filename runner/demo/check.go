package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	gopickle "github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// class is a class that gopickle is to know by its name alone, and instance one
// of its objects: a config.pck has old-style ones, with a dict for their state.
type class struct{ module, name string }

type instance struct {
	class *class
	attrs map[string]any
}

// Call and PyNew make an object, as the two ways of pickling one want it.
func (c *class) Call(...any) (any, error)       { return &instance{c, map[string]any{}}, nil }
func (c *class) PyNew(args ...any) (any, error) { return c.Call(args...) }

// PyDictSet sets an attribute.
func (in *instance) PyDictSet(key, value any) error {
	name, ok := key.(string)
	if !ok {
		return fmt.Errorf("got the attribute %v, need one with a name", key)
	}
	in.attrs[name] = value
	return nil
}

// read reads a pickled dict.
func read(file string) (map[string]any, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}

	u := gopickle.NewUnpickler(bytes.NewReader(b))
	u.FindClass = func(module, name string) (any, error) { return &class{module, name}, nil }
	v, err := u.Load()
	if err != nil {
		return nil, fmt.Errorf("%s: gopickle: %w", file, err)
	}

	d, err := dict(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}

	return d, nil
}

// dict makes a map of a dict with str keys.
func dict(v any) (map[string]any, error) {
	d, ok := v.(*types.Dict)
	if !ok {
		return nil, fmt.Errorf("got a %T, need a dict", v)
	}

	m := make(map[string]any, len(*d))
	for _, e := range *d {
		k, ok := e.Key.(string)
		if _, twice := m[k]; !ok || twice {
			return nil, fmt.Errorf("got the key %v, need a str that is there once", e.Key)
		}
		m[k] = e.Value
	}

	return m, nil
}

// Check reads the drained site's state back with gopickle and returns it in the terms of what was expected. Registered,
// Forwarded and Discarded, which the state does not show, are 0. sent is how many notices have left the site. The
// error is for state that cannot be read, or that Mailman's classes could not be made from.
func Check(s *site.Site, sent int) (*expected, error) {
	// A reader that shares no code with mmrunner's own must find what was written.
	dir := filepath.Join(s.ListDataDir(), ListName)
	config, err := read(filepath.Join(dir, "config.pck"))
	if err != nil {
		return nil, err
	}

	got := &expected{Mails: sent}
	attrs := map[string]map[string]any{}
	for _, name := range []string{"members", "digest_members", "bounce_info", "delivery_status", "user_options", "passwords"} {
		if attrs[name], err = dict(config[name]); err != nil {
			return nil, fmt.Errorf("config.pck: %s: %w", name, err)
		}
	}

	// Every member has a password, and members that bounces have disabled have bounce information.
	got.Members = len(attrs["members"]) + len(attrs["digest_members"])
	if n := len(attrs["passwords"]); n != got.Members {
		return nil, fmt.Errorf("config.pck: got %d members and %d passwords, need as many", got.Members, n)
	}
	if err := got.bounces(attrs["bounce_info"]); err != nil {
		return nil, fmt.Errorf("config.pck: bounce_info: %w", err)
	}
	if err := got.disabled(attrs["delivery_status"]); err != nil {
		return nil, fmt.Errorf("config.pck: delivery_status: %w", err)
	}

	// The members that a command has hidden.
	for who, v := range attrs["user_options"] {
		bits, ok := v.(int)
		if !ok {
			return nil, fmt.Errorf("config.pck: user_options: %s: got %v, need an int", who, v)
		}

		if bits&maillist.ConcealSubscription != 0 {
			got.Hidden++
		}
	}

	// Requests to confirm wait in pending.pck, whose other two keys are Mailman's own.
	waiting, err := read(filepath.Join(dir, "pending.pck"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	for k := range waiting {
		if k != "evictions" && k != "version" {
			got.Pending++
		}
	}

	// Notices that were written and not delivered count as sent.
	for _, queue := range []string{"out", "virgin"} {
		entries, err := filepath.Glob(filepath.Join(s.QueueDir(queue), "*.pck"))
		if err != nil {
			return nil, err
		}
		got.Mails += len(entries)
	}

	return got, nil
}

// bounces counts the members' bounce information and adds their scores up.
func (e *expected) bounces(infos map[string]any) error {
	total := 0.0
	for who, v := range infos {
		in, ok := v.(*instance)
		if !ok || *in.class != (class{"Mailman.Bouncer", "_BounceInfo"}) {
			return fmt.Errorf("got %v for %s, need a _BounceInfo", v, who)
		}

		// It has the address as the bounce had it.
		if member, ok := in.attrs["member"].(string); !ok || py.Lower(member) != who {
			return fmt.Errorf("%s: got that of %v, need the member's own", who, in.attrs["member"])
		}
		score, ok := in.attrs["score"].(float64)
		if !ok {
			return fmt.Errorf("%s: got the score %v, need a float", who, in.attrs["score"])
		}

		total += score
	}

	e.BounceInfo, e.Score = len(infos), int(total)
	return nil
}

// disabled counts the members without delivery by who has disabled it.
func (e *expected) disabled(status map[string]any) error {
	for who, v := range status {
		t, ok := v.(*types.Tuple)
		if !ok || t.Len() != 2 {
			return fmt.Errorf("%s: got %v, need who disabled it and when", who, v)
		}

		switch t.Get(0) {
		case int(maillist.ByBounce):
			e.ByBounce++
		case int(maillist.ByUser):
			e.ByUser++
		default:
			return fmt.Errorf("%s: got %v, need bounces or the member as the reason", who, t.Get(0))
		}
	}

	return nil
}
