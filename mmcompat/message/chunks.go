package message

// chunks collects a list of unknown length with at most twice the memory of the result; append alone would need five
// times as much in all.
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

// repeat adds v n times. If n is larger than the list so far, all of it becomes one chunk, which take need not copy.
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

// setLast replaces the last item.
func (c *chunks[T]) setLast(v T) { c.current[len(c.current)-1] = v }

// take returns the list, or nil if it is empty, and begins a new one. If the list fits into the first chunk, the new
// list reuses that chunk.
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
