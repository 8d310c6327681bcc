// Package verify shows that mmrunner reads and writes a site's pickles as the site's own Python does. It reads each
// pickle, writes it again, reads that, and compares all of it with two other readers: gopickle, which knows fewer
// kinds than Python, and the cPickle of the site's interpreter, which runs a small embedded program for that.
//
// It changes nothing and takes no lock. Mailman replaces its files by renames, so that each read sees a whole file.
// The few files that grow in place are read again when they look torn.
package verify
