package maillist

import (
	"slices"

	"github.com/mmrunner/mmrunner/pickle"
)

// OrderMembers gives the members with regular delivery and those with digests an order, by their keys: the next
// process that loads the list goes through them in this order. Keys that are not exactly the members' change nothing.
func (l *List) OrderMembers(regular, digest []string) {
	l.orderDict(regulars, regular)
	l.orderDict(digests, digest)
}

func (l *List) orderDict(name string, keys []string) {
	if l.DictLen(name) != len(keys) || slices.Equal(slices.Collect(l.DictKeys(name)), keys) {
		return
	}
	v, _ := l.Get(name)
	old, ok := v.(*pickle.Dict)
	if !ok {
		return
	}

	ordered := pickle.NewDict()
	for _, key := range keys {
		v, ok := old.GetStr(key)
		if !ok {
			return
		}
		ordered.SetStr(key, v)
	}

	if ordered.Len() == old.Len() {
		l.Set(name, ordered)
	}
}
