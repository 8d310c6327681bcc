package message

// chunks gathers a list of unknown length in at most twice the memory of the
// result; append alone would take five times as much in all.
type chunks[T any] struct {
	full    [][]T
	current []T
	len     int
}

const (
	firstChunk = 16
	lastChunk  = 4096
)

func (c *chunks[T]) add(v T) {
	if len(c.current) == cap(c.current) {
		c.grow(min(max(firstChunk, c.len), lastChunk))
	}
	c.current = append(c.current, v)
	c.len++
}

// repeat adds v n times. Where that is more than there was, all of it becomes one
// chunk, which take need not copy.
func (c *chunks[T]) repeat(v T, n int) {
	switch {
	case n > c.len:
		all := c.take()
		c.current = append(make([]T, 0, len(all)+n), all...)
		c.len = len(all)
	case cap(c.current)-len(c.current) < n:
		c.grow(max(firstChunk, n))
	}

	for range n {
		c.current = append(c.current, v)
	}
	c.len += n
}

func (c *chunks[T]) grow(size int) {
	if len(c.current) > 0 {
		c.full = append(c.full, c.current)
	}
	c.current = make([]T, 0, size)
}

// setLast replaces what was added last.
func (c *chunks[T]) setLast(v T) { c.current[len(c.current)-1] = v }

// take is the list, nil if it is empty; what follows goes into a new one. A list
// that fits into the first chunk leaves that to its successor.
func (c *chunks[T]) take() []T {
	if c.len == 0 {
		return nil
	}

	if len(c.full) == 0 && c.len == cap(c.current) && c.len > firstChunk {
		all := c.current
		*c = chunks[T]{}
		return all
	}

	all := make([]T, 0, c.len)
	for _, chunk := range c.full {
		all = append(all, chunk...)
	}
	all = append(all, c.current...)

	clear(c.current)
	*c = chunks[T]{current: c.current[:0]}

	return all
}
