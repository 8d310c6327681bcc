package intake

// Script is one of Mailman's programs for incoming mail.
type Script struct {
	Name   string // as the wrapper is given it: "post", "bounces", ...
	Suffix string // what its address has after the list's name: "", "-bounces", ...
	Queue  string // the usual name of the queue it writes to
	Flag   string // the metadata key that it sets to 1, "" for none
}

// scripts are those that the wrapper knows (mail-wrapper.c, VALID_COMMANDS),
// with the addresses that MTA/Utils.makealiases gives them.
var scripts = []Script{
	{"post", "", "in", "tolist"},
	{"admin", "-admin", "bounces", ""},
	{"bounces", "-bounces", "bounces", ""},
	{"confirm", "-confirm", "commands", "toconfirm"},
	{"join", "-join", "commands", "tojoin"},
	{"leave", "-leave", "commands", "toleave"},
	{"owner", "-owner", "in", "toowner"},
	{"request", "-request", "commands", "torequest"},
	{"subscribe", "-subscribe", "commands", "tojoin"},
	{"unsubscribe", "-unsubscribe", "commands", "toleave"},
}

// Scripts lists all ten, in the order of Mailman's alias file.
func Scripts() []Script { return append([]Script(nil), scripts...) }

// ByName returns the script of that name.
func ByName(name string) (s Script, ok bool) {
	for _, s := range scripts {
		if s.Name == name {
			return s, true
		}
	}
	return Script{}, false
}
