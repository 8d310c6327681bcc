package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/history"
)

// shift is one engine's part of a loop. What it has seen and not done stays in
// the queue meanwhile.
type shift struct {
	e        *Engine
	loop     *Loop
	seen     map[string]*runner.Entry // by base
	waits    map[string]bool          // those of them that may wait
	held     map[string]hold          // lists that could not be had
	kept     map[string]hold          // entries that could not be read, or not be preserved
	failed   string                   // why the queue could not be read
	register time.Time                // when those that wait are next done: BounceMixin._nextaction
}

// hold is a list that could not be had, or an entry, and for how long it is left
// alone.
type hold struct {
	until time.Time
	wait  time.Duration
}

// longer is the hold after one more attempt in vain.
func (h hold) longer(now time.Time) hold {
	h.wait = min(max(2*h.wait, firstHold), lastHold)
	h.until = now.Add(h.wait)
	return h
}

// What cannot be had is tried again after the first, and from then on after twice
// the time before, up to the second.
const (
	firstHold = time.Second
	lastHold  = time.Minute
)

// unfinishedHold is how long a commit that has taken effect and could not be
// finished is left alone.
const unfinishedHold = 5 * time.Second

// newShift puts an engine's queue in order. The error says what could not be.
func newShift(ctx context.Context, e *Engine, l *Loop) (*shift, error) {
	e.stats = Stats{Runner: e.Handler.Name(), Outcomes: map[runner.Outcome]int{}}
	e.blocked = map[string]bool{}
	if err := e.recover(ctx); err != nil {
		return nil, err
	}
	s := &shift{e: e, loop: l, seen: map[string]*runner.Entry{}, waits: map[string]bool{}, held: map[string]hold{}, kept: map[string]hold{}}
	if p, ok := e.Handler.(runner.Deferrer); ok {
		s.register = e.Env.Now().Add(p.Every(e.Env.Site))
	}
	return s, nil
}

// step looks at the queue once, and does what is due. It returns when it wants
// to be called again, at the latest. once limits it to one entry.
func (s *shift) step(ctx context.Context, once bool) (next time.Time) {
	s.e.retry()
	bases, err := s.e.Queue.Files(qfile.Waiting)
	now := s.e.Env.Now()
	if err != nil {
		// Once is enough to say so.
		if why := err.Error(); s.failed != why {
			s.failed = why
			s.e.logError("%s: %v", s.e.Handler.Name(), err)
		}
		return now.Add(max(firstHold, sleepTime(s.e.Env.Site)))
	}
	s.failed = ""
	if once && len(bases) > 1 {
		bases = bases[:1]
	}
	fresh := s.fresh(bases)
	patient, ok := s.e.Handler.(runner.Deferrer)
	waited := false
	due := !ok || !now.Before(s.register)
	for {
		n := min(len(fresh), s.e.batchSize())
		for i, en := range s.e.classify(fresh[:n]) {
			if en != nil {
				s.see(en)
			} else if base := fresh[i]; s.e.unreadable[base] {
				s.kept[base] = s.kept[base].longer(now)
			}
		}
		fresh = fresh[n:]
		waited = waited || len(s.waits) > 0
		next = s.pass(ctx, bases, due)
		if len(fresh) == 0 || ctx.Err() != nil {
			break
		}
	}
	if ok && due && waited {
		s.register = now.Add(patient.Every(s.e.Env.Site))
	}
	for _, h := range s.kept {
		if h.until.Before(next) {
			next = h.until
		}
	}
	if t := now.Add(unfinishedHold); len(s.e.unfinished) > 0 && t.Before(next) {
		next = t
	}
	return next
}

// see remembers an entry that was classified.
func (s *shift) see(en *runner.Entry) {
	s.seen[en.Base] = en
	delete(s.kept, en.Base)
	if p, ok := s.e.Handler.(runner.Deferrer); ok && p.Waits(s.e.Env.Site, en) {
		s.waits[en.Base] = true
	}
}

// forget is for an entry that is done, or gone.
func (s *shift) forget(base string) {
	delete(s.seen, base)
	delete(s.waits, base)
	delete(s.kept, base)
	delete(s.e.unreadable, base)
}

// fresh are the entries that were not seen before, and are not to be left alone;
// those that are gone are forgotten.
func (s *shift) fresh(bases []string) []string {
	there := make(map[string]bool, len(bases))
	now := s.e.Env.Now()
	var fresh []string
	for _, base := range bases {
		there[base] = true
		if s.seen[base] == nil && !s.kept[base].until.After(now) {
			fresh = append(fresh, base)
		}
	}
	for base := range s.kept {
		if !there[base] {
			s.forget(base)
		}
	}
	for base := range s.seen {
		if !there[base] {
			s.forget(base)
		}
	}
	return fresh
}

// pass commits what is due, list by list. bases has the order of the entries;
// all says that nothing may wait any longer.
func (s *shift) pass(ctx context.Context, bases []string, all bool) (next time.Time) {
	now := s.e.Env.Now()
	next = now.Add(idleScan)
	at := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	lists, order := s.group(bases, func(entries []*runner.Entry) []*runner.Entry {
		if all {
			return entries
		}
		due := s.cannotWait(entries)
		if len(due) < len(entries) {
			at(s.register)
		}
		return due
	})
	for _, name := range order {
		entries := lists[name]
		for len(entries) > 0 {
			if ctx.Err() != nil {
				return next
			}
			if t := s.ready(name); t.After(s.e.Env.Now()) {
				at(t)
				break
			}
			n := min(len(entries), s.e.batchSize())
			if t := s.commit(ctx, name, entries[:n]); !t.IsZero() {
				at(t)
				break
			}
			entries = entries[n:]
		}
	}
	// Thousands may wait; what they are is known.
	for _, en := range s.seen {
		en.Drop()
	}
	return next
}

// group sorts what was seen by list, in the order of bases and of the lists'
// turns, and keeps of each list's entries what pick returns.
func (s *shift) group(bases []string, pick func([]*runner.Entry) []*runner.Entry) (lists map[string][]*runner.Entry, order []string) {
	lists = map[string][]*runner.Entry{}
	for _, base := range bases {
		en := s.seen[base]
		if en == nil {
			continue
		}
		if lists[en.List] == nil {
			order = append(order, en.List)
		}
		lists[en.List] = append(lists[en.List], en)
	}
	order = slices.DeleteFunc(order, func(name string) bool {
		lists[name] = pick(lists[name])
		return len(lists[name]) == 0
	})
	if h, ok := s.e.Handler.(runner.Orderer); ok {
		order = h.Order(s.e.Env.Lists, order, lists)
	}
	return lists, order
}

// cannotWait are the entries of one list that are to be done now: of those that
// may wait, as many as fill a batch.
func (s *shift) cannotWait(entries []*runner.Entry) []*runner.Entry {
	waiting := 0
	for _, en := range entries {
		if s.waits[en.Base] {
			waiting++
		}
	}
	take := waiting - waiting%s.e.batchSize()
	var now []*runner.Entry
	for _, en := range entries {
		if !s.waits[en.Base] {
			now = append(now, en)
		} else if take > 0 {
			now = append(now, en)
			take--
		}
	}
	return now
}

// ready is when a list may be had; not after now if it may.
func (s *shift) ready(name string) time.Time {
	now := s.e.Env.Now()
	if h, ok := s.held[name]; ok && h.until.After(now) {
		return h.until
	}
	if s.loop.Courtesy != nil && !s.e.onlyReads() {
		// Locks are a matter of the real time.
		real := time.Now()
		return now.Add(s.loop.Courtesy.Ready(name, real).Sub(real))
	}
	return now
}

// commit has entries of one list take effect. If some are kept, it returns when
// they are to be tried again.
func (s *shift) commit(ctx context.Context, name string, entries []*runner.Entry) (again time.Time) {
	s.e.Env.Lists.Prepare(name)
	// What was begun is finished.
	observed := s.observe(name)
	kept := s.e.commit(context.WithoutCancel(ctx), name, entries)
	observed()
	delete(s.e.blocked, name)
	left := make(map[string]bool, len(kept))
	for _, en := range kept {
		left[en.Base] = true
	}
	for _, en := range entries {
		if !left[en.Base] {
			s.forget(en.Base)
		}
	}
	if len(kept) == 0 {
		delete(s.held, name)
		return time.Time{}
	}
	s.held[name] = s.held[name].longer(s.e.Env.Now())
	return s.held[name].until
}

// observe begins to watch a commit; the returned function tells of what it was.
func (s *shift) observe(name string) func() {
	if s.loop.Observe == nil {
		return func() {}
	}
	before, start := s.e.stats, time.Now()
	before.Outcomes = maps.Clone(before.Outcomes)
	var waited time.Duration
	if s.loop.Courtesy != nil {
		waited = s.loop.Courtesy.waited
	}
	return func() {
		after := s.e.stats
		c := history.Commit{
			At: time.Now(), Runner: after.Runner, List: name, Entries: after.Entries - before.Entries,
			Outcomes: map[string]int{}, Seconds: time.Since(start).Seconds(), Held: (after.Held - before.Held).Seconds(), Bytes: after.Written - before.Written,
		}
		for o, n := range after.Outcomes {
			if n -= before.Outcomes[o]; n > 0 {
				c.Outcomes[string(o)] = n
			}
		}
		if s.loop.Courtesy != nil {
			c.Waited = (s.loop.Courtesy.waited - waited).Seconds()
		}
		if c.Entries > 0 {
			s.loop.Observe(s.e, c)
		}
	}
}

// finish does what was seen and had to wait, as a runner that ends registers
// the bounces that it has detected.
func (s *shift) finish(ctx context.Context) {
	s.e.retry()
	if len(s.seen) == 0 {
		return
	}
	bases, err := s.e.Queue.Files(qfile.Waiting)
	if err != nil {
		s.e.logError("%s: %v", s.e.Handler.Name(), err)
		return
	}
	lists, order := s.group(bases, func(entries []*runner.Entry) []*runner.Entry {
		return slices.DeleteFunc(entries, func(en *runner.Entry) bool { return !s.waits[en.Base] })
	})
	for _, name := range order {
		if h, ok := s.held[name]; ok && h.until.After(s.e.Env.Now()) {
			continue
		}
		for entries := lists[name]; len(entries) > 0; {
			n := min(len(entries), s.e.batchSize())
			if !s.commit(ctx, name, entries[:n]).IsZero() {
				break
			}
			entries = entries[n:]
		}
	}
}
