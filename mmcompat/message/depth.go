package message

// MaxDepth is how deep messages may lie within each other before Python's
// recursion limit stops the parser under a queue runner.
const MaxDepth = 900

// MaxFlattenDepth is the same for writing them.
const MaxFlattenDepth = 240

func recursionError() error {
	return &PyError{"RuntimeError", "maximum recursion depth exceeded"}
}
