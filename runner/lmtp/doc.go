// Package lmtp is the way from a mail server into Mailman's queues:
// an LMTP server (RFC 2033) in the place of the ten pipe aliases that each list
// has. It takes a message, finds out which of Mailman's scripts the alias of each
// recipient would have started, and writes the entry that this script would have
// written. A recipient is answered with 250 only when its entry is on the disk.
//
// In the order in which a message meets them:
//
//   - [Server]: listeners, limits, and the go-smtp server on them
//   - wire: what of RFC 2033 and RFC 5321 go-smtp does not take, put right on the
//     connection
//   - [Finder]: addresses to lists and scripts, live from the lists directory
//   - envelope: the lines that a delivering mail server puts before the message
//   - writer: entries, and the flushes that they share
//   - mailbox: data/owner-bounces.mbox, where the site's -loop address ends
//
// Beside them: [Maps] answers Postfix which addresses are lists', [Config] prints
// what to put into a mail server's configuration, and [Check] tries each address
// of a list.
//
// The scripts are Mailman's scripts/post, bounces, confirm, join, leave, owner,
// request and their aliases; the envelope is that of Postfix's local(8).
package lmtp
