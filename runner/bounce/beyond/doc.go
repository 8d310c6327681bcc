// Package beyond takes a second look at messages in which none of
// Mailman's bounce modules finds an address. It is asked only if a site has
// switched it on, and only after package detect.
//
// It knows no products. A message is first told apart by its structure: a
// disposition notification (RFC 8098), a complaint (RFC 5965), a report of
// success or delay (RFC 3464), an automatic reply (RFC 3834). None of these
// charges any member. What remains has to be sent by a mail system to count, and its
// recipients are found by the first of these rules that finds some:
//
//	status      the fields of RFC 3464 in a message/delivery-status part or the
//	            part of RFC 6533 for internationalized addresses, decoded
//	status-text the same fields as lines of a text, where a report has broken
//	            MIME or none
//	phrase      an address in the sentence that says that delivery failed, or
//	            within two lines of it
//	code        an address within two lines of a permanent SMTP reply (RFC 5321,
//	            RFC 3463)
//	label       the one address that the report's text calls the recipient
//	returned    the one address that the returned message was for, unless it is a
//	            post to a list
//
// Nothing inside the returned message is read by the other rules, whether it is a
// part or follows in the text: who wrote that message could put anything there.
// Who sent it, and every address in the report's own From and To, is never found.
//
// The time for a message is linear in its size; of each text only the first
// 64 KB are read.
package beyond
