// Package lmtp takes mail from a mail server into Mailman's queues. Its types are
// [Server], an LMTP server (RFC 2033) in the place of a list's ten pipe aliases;
// [Service], a server with its addresses; [Finder], which finds the list and the
// script of an address; [Maps], which tells Postfix the addresses of lists; and
// [Check], which tries each address of a list. [Config] prints the configuration of a
// mail server.
//
// A message passes these files, in this order:
//
//   - wire.go, path.go, data.go: the connection. They mend where go-smtp departs from
//     RFC 2033 and RFC 5321.
//   - session.go, text.go: one transaction, and the text that it brings
//   - finder.go, domains.go: the list and the script of each recipient, live from the
//     lists directory
//   - envelope.go: the lines that a delivering mail server puts before the message
//   - deliver.go and package enqueue: the entries, and the flushes that they share. A
//     recipient is answered with 250 only when its entry is flushed.
//   - mailbox.go: data/owner-bounces.mbox, for the site's -loop address
//
// The scripts are Mailman's scripts/post, bounces, confirm, join, leave, owner,
// request and their aliases; the envelope is that of Postfix's local(8).
package lmtp
