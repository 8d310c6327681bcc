// Package mmcompat has no code. Below it are Mailman 2.1's files and protocols, and as
// much of Python 2.7 as they need, each in a package of its own. Which of Mailman's
// files, modules or functions is where:
//
//	lists/NAME/config.pck (MailList.py, OldStyleMemberships.py,
//	    Bouncer.py's _BounceInfo, Utils.py's addresses)      maillist
//	lists/NAME/pending.pck, UserDesc (Pending.py)            pending
//	lists/NAME/request.pck, data/heldmsg-* (ListAdmin.py)    requests
//	qfiles/*/*.pck, .bak, .psv (Queue/Switchboard.py)        qfile
//	locks/* (LockFile.py)                                    lockfile
//	logs/* (Logging/)                                        mlog
//	templates/, messages/*.mo (i18n.py, Utils.maketext,
//	    Utils.wrap)                                          text
//	mm_cfg.py, Defaults.py, Version.py, English texts        site
//	Message.py, and Python's email package                   message
//	Python's re, for bounce patterns and settings            pyre
//	Python's codecs                                          codec
//	truth, comparison, %, str, dict order, exceptions        py
//	time.mktime and time zones                               zone
//	process ids in names of files and locks                  proc
//	writing a file so that a crash leaves all or nothing     stage
//	calls of the file system, with their failpoints          disk
//	a Mailman to test with                                   mmtest
//
// Imports go from Mailman's formats to Python's, never back.
package mmcompat
