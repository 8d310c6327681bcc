package dump

import (
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// Secret tells whether Mailman keeps passwords under a name, which may be a list's attribute, an object's, a dict's
// key, or a path of these: passwords, password, mod_password, post_password.
func Secret(name string) bool { return strings.Contains(strings.ToLower(name), "password") }

func secretKey(k pickle.Value) bool {
	switch k := k.(type) {
	case pickle.Str:
		return Secret(string(k))
	case pickle.Unicode:
		return Secret(string(k))
	}
	return false
}

// In request.pck (ListAdmin.py) a subscription that waits for a moderator is id: (2, (time, address, name, password,
// digest, language)).
const (
	subscription = pickle.Int(2)
	passwordAt   = 3
)

// subscribed returns the tuple with the password, if an item of a top-level dict is such a record.
func subscribed(k, v pickle.Value) *pickle.Tuple {
	if _, ok := k.(pickle.Int); !ok {
		return nil
	}
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) != 2 || t.Items[0] != pickle.Value(subscription) {
		return nil
	}

	record, ok := t.Items[1].(*pickle.Tuple)
	if !ok || len(record.Items) <= passwordAt {
		return nil
	}
	return record
}
