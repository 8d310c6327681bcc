package i18n

// standIns are short templates of our own for a site without a Mailman. They use the variables that Mailman's
// templates of these names may use.
var standIns = map[string]string{
	"adminaddrchgack.txt":     "%(name)s of %(listname)s is now %(newaddr)s, and was %(oldaddr)s.\n",
	"adminsubscribeack.txt":   "%(member)s has joined %(listname)s %(whence)s.\n",
	"adminunsubscribeack.txt": "%(member)s has left %(listname)s %(whence)s.\n",
	"bounce.txt":              "%(addr)s was %(negative)s%(did)s %(but)s in %(listname)s. %(reenable)s\n\nQuestions go to %(owneraddr)s.\n",
	"disabled.txt": "Mail from %(listname)s to you is off: %(reason)s\n\nTo have it again, answer this message as it is, or go to\n\n    %(confirmurl)s\n\n" +
		"You will be told of this %(noticesleft)s more times, and then be removed. Your options are at\n\n    %(optionsurl)s\n\nand your password is %(password)s. " +
		"Questions go to %(owneraddr)s.\n",
	"help.txt": "Commands for %(listname)s (Mailman %(version)s), to be mailed to %(requestaddr)s:\n%(commands)s\n" +
		"There is more at %(listinfo_url)s. Questions go to %(adminaddr)s.\n",
	"nomoretoday.txt": "Address %(sender)s has been answered %(num)s times today by %(listname)s, which will be silent until tomorrow. " +
		"Questions go to %(owneremail)s.\n",
	"probe.txt": "This message from %(listname)s finds out whether mail to %(address)s arrives. There is nothing for you to do.\n\n" +
		"Your options are at %(optionsurl)s. Questions go to %(owneraddr)s.\n",
	"subauth.txt": "%(username)s wants to join %(listname)s@%(hostname)s. To decide, go to\n\n    %(admindb_url)s\n",
	"subscribeack.txt": "Welcome to %(real_name)s@%(host_name)s. %(umbrella)s\n\n%(welcome)s\nMail for all goes to %(emailaddr)s. About the list:\n\n" +
		"    %(listinfo_url)s\n\nYour options:\n\n    %(optionsurl)s\n\nYour password is %(password)s.\n",
	"unsub.txt": "Somebody%(remote)s asked that %(email)s leave %(listaddr)s. If so, answer this message as it is, or go to\n\n    %(confirmurl)s\n\n" +
		"or send `confirm %(cookie)s' to %(requestaddr)s. If not, do nothing. Questions go to %(listadmin)s.\n",
	"unsubauth.txt": "%(username)s wants to leave %(listname)s@%(hostname)s. To decide, go to\n\n    %(admindb_url)s\n",
	"verify.txt": "Somebody%(remote)s asked that %(email)s join %(listaddr)s. If so, answer this message as it is, or go to\n\n    %(confirmurl)s\n\n" +
		"or send `confirm %(cookie)s' to %(requestaddr)s. If not, do nothing. Questions go to %(listadmin)s.\n",
}
