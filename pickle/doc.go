// Package pickle reads, changes and writes the pickles of Python 2: protocols
// 0, 1 and 2, every opcode that the pickle and cPickle modules of Python 2.7
// write. It knows nothing of Mailman.
//
// A value keeps its Python kind through read, change and write: str and unicode, int, long and bool, list and tuple
// stay what they were, and one object in two places stays one object. Nothing is ever constructed: an instance is its
// class's name, the arguments it was made with, and its state.
//
// [Load] and [Dump] work on whole values. [Document] is for a large pickled
// dict of which little changes: it indexes the bytes once, decodes only the values that are
// asked for, and writes by splicing the changes into the old bytes.
//
// Input is not trusted. A torn or hostile pickle gives a [SyntaxError] with the
// byte offset and the opcode, and costs no more memory than a fixed multiple of
// its own size.
package pickle
