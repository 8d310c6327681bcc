// Package mmcompat has no code. Below it are Mailman 2.1's files and protocols, and as
// much of Python 2.7 as they need, each in a package of its own.
//
// Mailman's files and modules:
//
//	lists/NAME/config.pck (MailList.py, OldStyleMemberships.py,
//	    Bouncer.py's _BounceInfo, Utils.py's addresses)      maillist
//	lists/NAME/pending.pck, UserDesc (Pending.py)            pending
//	lists/NAME/request.pck, data/heldmsg-* (ListAdmin.py)    requests
//	qfiles/*/*.pck, .bak, .psv (Queue/Switchboard.py)        qfile
//	locks/* (LockFile.py)                                    lockfile
//	logs/* (Logging/)                                        mlog
//	templates/, messages/*.mo (i18n.py, Utils.maketext,
//	    Utils.wrap)                                          i18n
//	mm_cfg.py, Defaults.py, Version.py, English texts        site
//	scripts/*, the queue entries that mail aliases make      intake
//	old list passwords (SecurityManager.py, crypt)           crypt
//	Utils.banned_ip, Utils.banned_domain                     spamhaus
//
// Python's library:
//
//	email, and Mailman/Message.py on top of it               message
//	re, for bounce patterns and settings                     pyre
//	codecs, email.Charset                                    codec
//	smtplib, for Handlers/SMTPDirect.py                      smtplib
//	truth, comparison, %, str, dict order, exceptions        py
//	time.mktime and time zones                               zone
//
// The machine:
//
//	process ids in names of files and locks                  proc
//	with whose rights a process of root's works              privilege
//	mmrunner processes kept apart from each other            hostlock
//	writing a file so that a crash leaves all or nothing     stage
//	calls of the file system, with their failpoints          disk
//	text from mail made safe for a terminal                  terminal
//	a Mailman to test with                                   mmtest
//
// Imports go from Mailman's formats to Python's, never back.
package mmcompat
