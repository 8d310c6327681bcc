package message

// dictOrder is the order in which Python 2.7 iterates over a dict that keys were
// put into, in that order, none of them twice: RFC 2231 parameters come out in
// it. (Objects/dictobject.c; hash randomization is off by default.)
func dictOrder(keys []string) []string {
	if len(keys) < 2 {
		return keys
	}
	size, used := 8, 0
	slots := make([]string, size)
	taken := make([]bool, size)
	insert := func(key string) {
		h := stringHash(key)
		i := h & uint64(size-1)
		for perturb := h; taken[i]; perturb >>= 5 {
			// CPython goes on with slot = 5*slot + 1 + perturb.
			i = (i<<2 + i + perturb + 1) & uint64(size-1)
		}
		slots[i], taken[i] = key, true
	}
	for _, key := range keys {
		insert(key)
		used++
		if used*3 < size*2 {
			continue
		}
		want := used * 4
		if used > 50000 {
			want = used * 2
		}
		old, oldTaken := slots, taken
		for size = 8; size <= want; size <<= 1 {
		}
		slots, taken = make([]string, size), make([]bool, size)
		for i, k := range old {
			if oldTaken[i] {
				insert(k)
			}
		}
	}
	ordered := make([]string, 0, len(keys))
	for i, k := range slots {
		if taken[i] {
			ordered = append(ordered, k)
		}
	}
	return ordered
}

// stringHash is hash(s) of a str on a 64-bit machine.
func stringHash(s string) uint64 {
	if s == "" {
		return 0
	}
	h := uint64(s[0]) << 7
	for i := 0; i < len(s); i++ {
		h = 1000003*h ^ uint64(s[i])
	}
	h ^= uint64(len(s))
	if h == ^uint64(0) {
		h--
	}
	return h
}
