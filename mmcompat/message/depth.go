package message

import "github.com/mmrunner/mmrunner/mmcompat/py"

// How deep messages may lie within each other, the outermost counting as 1,
// before Python's recursion limit of 1,000 ends what a queue runner does with
// them: measured with Python 2.7.18 under the frames of bin/qrunner.
const (
	// maxDepth is for parsing. Walking is not the narrower place.
	maxDepth = 981
	// maxBoundaryDepth is for parsing a multipart: its boundary's pattern must
	// still be compiled.
	maxBoundaryDepth = 974
	// maxFlattenDepth is for writing as text.
	maxFlattenDepth = 247
	// MaxPickleDepth is for pickling, as shunting and forwarding do.
	MaxPickleDepth = 198
)

// The same limit elsewhere.
const (
	maxSplits   = 980 // pieces of one chunk of a header
	maxComments = 490 // comments within comments of an address
	maxGroups   = 977 // groups within groups of addresses
)

// maxMessages is how many parts a message may have, parts of parts included, blocks
// of nothing not. Python would take 3 KB for each, and end in a MemoryError or
// worse.
const maxMessages = 250_000

// maxFields is how many header fields a message may have, those of its parts
// included. Pickling more, to forward or shunt it, takes hundreds of megabytes, and
// Python as many.
const maxFields = 500_000

func recursionError() error {
	return &py.Error{Class: "RuntimeError", Text: "maximum recursion depth exceeded"}
}
