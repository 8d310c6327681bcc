package text

// standIns are short templates of our own for where there is no Mailman to read
// its from.
var standIns = map[string]string{
	"bounce.txt":              "%(listname)s: %(addr)s was %(did)s because of bounces.\n\nQuestions: %(owneraddr)s\n",
	"disabled.txt":            "Delivery to you from %(listname)s is off: %(reason)s.\n\nTo switch it on again: %(confirmurl)s\n",
	"unsub.txt":               "%(member)s has left %(listname)s.\n",
	"subscribeack.txt":        "Welcome to %(real_name)s@%(host_name)s.\n",
	"verify.txt":              "To confirm that %(email)s is to join %(listname)s, reply to this message.\n\n%(cookie)s\n",
	"help.txt":                "This is the help of %(listname)s.\n",
	"userpass.txt":            "Your password for %(listname)s is: %(password)s\n",
	"adminsubscribeack.txt":   "%(member)s has joined %(listname)s.\n",
	"adminunsubscribeack.txt": "%(member)s has left %(listname)s.\n",
	"probe.txt":               "This is a test message from %(listname)s: mail to %(address)s has bounced.\n",
}
