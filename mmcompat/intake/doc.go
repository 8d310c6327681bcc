// Package intake does what the programs in Mailman's scripts
// directory do with the message on their standard input: they look whether the
// list exists, and put the raw text into a queue with a few metadata keys.
//
// It follows scripts/post, bounces, confirm, join, leave, owner, request and
// their aliases, Utils.list_exists, MTA/Utils.py for the addresses, and
// Switchboard.enqueue with _plaintext. It needs nothing but settings and the
// pickle format, so that a program as small as cmd/mmpost can use it.
package intake
