// Package smtplib is the SMTP client that Mailman talks to its mail server with:
// Python 2.7's smtplib as far as Handlers/SMTPDirect.py uses it, to the letter of
// what goes over the wire and of the exceptions that come back, since those decide
// which recipients are tried again, counted as bounced, or given up.
//
// It differs in two things. A server that says nothing is not waited for for ever,
// but as long as RFC 5321, 4.5.3.2, asks for. And where a server offers PIPELINING
// (RFC 2920) the envelope goes in one piece.
package smtplib
