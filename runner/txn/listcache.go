package txn

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
)

// cacheBytes is how much of config.pck files a cache keeps beside the list of the last request. A site may have
// thousands of lists, and one transaction may look at all of them.
const cacheBytes = 16 << 20

// listCache keeps loaded lists by name. The lists that were not requested for the longest time go first.
type listCache struct {
	lists map[string]*maillist.List
	order []string // the list of the last request comes last
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
