package txn

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
)

// cacheBytes is how much of config.pck a cache keeps beside the list that was
// asked for last: a site has thousands of lists, and one transaction may look at all.
const cacheBytes = 16 << 20

// listCache keeps loaded lists by name, and lets those go that were not asked for
// in the longest time.
type listCache struct {
	lists map[string]*maillist.List
	order []string // the one asked for last comes last
}

func (s *listCache) get(name string) *maillist.List {
	l := s.lists[name]
	if l != nil {
		s.touch(name)
	}
	return l
}

func (s *listCache) touch(name string) {
	if i := slices.Index(s.order, name); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
	s.order = append(s.order, name)
}

func (s *listCache) put(name string, l *maillist.List) {
	if s.lists == nil {
		s.lists = map[string]*maillist.List{}
	}

	s.lists[name] = l
	s.touch(name)
	var kept int64
	for i := len(s.order) - 2; i >= 0; i-- {
		if kept += s.lists[s.order[i]].Size(); kept > cacheBytes {
			for _, old := range s.order[:i+1] {
				delete(s.lists, old)
			}
			s.order = slices.Delete(s.order, 0, i+1)
			return
		}
	}
}

func (s *listCache) drop(name string) {
	delete(s.lists, name)
	if i := slices.Index(s.order, name); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
}
