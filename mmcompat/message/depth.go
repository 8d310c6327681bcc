package message

import "github.com/mmrunner/mmrunner/mmcompat/py"

// How deeply messages may nest, the outermost counting as 1, before Python's recursion limit of 1,000 ends a queue
// runner's work on them: measured with Python 2.7.18 under the frames of bin/qrunner.
const (
	// maxDepth is the limit for parsing. Walking a message has a higher one.
	maxDepth = 981
	// maxBoundaryDepth is the limit for parsing a multipart, whose boundary's pattern must still be compiled.
	maxBoundaryDepth = 974
	// maxFlattenDepth is the limit for writing as text.
	maxFlattenDepth = 247
	// MaxPickleDepth is the limit for pickling, as in shunting and forwarding.
	MaxPickleDepth = 198
)

// The same recursion limit in other functions.
const (
	maxSplits   = 980 // pieces of one chunk of a header
	maxComments = 490 // comments within comments of an address
	maxGroups   = 977 // groups within groups of addresses
)

// maxMessages is how many parts a message may have, with parts of parts and without empty blocks of reports. Python
// would need 3 KB for each, and end in a MemoryError or worse.
const maxMessages = 250_000

// maxFields is how many header fields a message may have, with those of its parts. Pickling more, to forward or shunt
// the message, takes hundreds of megabytes, and as many in Python.
const maxFields = 500_000

func recursionError() error {
	return &py.Error{Class: "RuntimeError", Text: "maximum recursion depth exceeded"}
}
