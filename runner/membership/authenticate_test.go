package membership

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// TestAuthenticate has each form of password stand for each role, and holds the
// role that it is found to be, and the password that is kept then, against
// Mailman's.
func TestAuthenticate(t *testing.T) {
	prefix := mmtest.Clone(t)
	forms := []string{
		"Utils.sha_new('owner').hexdigest()", "Utils.md5_new('owner').digest()", "__import__('crypt').crypt('owner', 'ab')", "__import__('crypt').crypt('owner', '..')",
		"'owner'", "None", "''", "'ab'", "unicode(Utils.sha_new('owner').hexdigest())", "Utils.sha_new('owner').hexdigest().upper()",
	}

	var specs []mmtest.ListSpec
	for i, form := range forms {
		specs = append(specs, mmtest.ListSpec{
			Name: fmt.Sprintf("l%d", i), Members: []string{"Anne@example.net", "bart@example.net"},
			Python: "m.password = " + form + "\nm.mod_password = Utils.sha_new('moderator').hexdigest()\nm.post_password = Utils.sha_new('poster').hexdigest()\n" +
				"m.passwords['bart@example.net'] = u'b\\xe4rt'\n",
		})
	}

	mmtest.MakeLists(t, prefix, specs...)
	type ask struct {
		List, Response, User string
		Roles                []Role
		Fresh                bool // the list is read anew
	}

	var asks []ask
	for i := range forms {
		for _, response := range []string{"owner", "moderator", "poster", "site", "creator", "pw0", "", "wrong", "owner\x00", "b\u00e4rt", "owneronly8", "ab"} {
			for j, roles := range [][]Role{{ListAdmin}, {User}, {ListModerator, ListAdmin}, {User, ListAdmin}, {creator, SiteAdmin}, {listPoster, SiteAdmin}, {User, ListModerator, ListAdmin}} {
				user := []string{"anne@EXAMPLE.net", "bart@example.net", "nobody@example.net"}[(i+j)%3]
				asks = append(asks, ask{fmt.Sprintf("l%d", i), response, user, roles, true})
			}
		}

		// The second time the password is kept in the new form.
		asks = append(asks, ask{fmt.Sprintf("l%d", i), "owner", "", []Role{ListAdmin}, true}, ask{fmt.Sprintf("l%d", i), "owner", "", []Role{ListAdmin}, false})
	}

	in, err := json.Marshal(asks)
	if err != nil {
		t.Fatal(err)
	}

	out := mmtest.RunPythonInput(t, prefix, in, `
import json
from Mailman import mm_cfg, MailList, Utils
Utils.set_global_password('site')
Utils.set_global_password('creator', siteadmin=0)
got = []
for a in json.load(sys.stdin):
    if a['Fresh']:
        m = MailList.MailList(str(a['List']), lock=0)
        m.Lock()
    role = m.Authenticate(a['Roles'], a['Response'].encode('utf-8'), str(a['User']))
    got.append((role, m.password is not None and m.password.encode('hex')))
    m.Unlock()
    m.Lock = m.Locked = lambda *args: 1
json.dump(got, sys.stdout)
`)

	var want [][2]any
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}

	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	t.Cleanup(func() { env.Log.Close() })
	j, err := txn.OpenJournal(env, "CommandRunner", s.QueueDir("commands"), s.QueueDir("bad"))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { j.Close() })
	var m *Manager
	for i, a := range asks {
		if a.Fresh {
			env.Lists.Forget(a.List)
			g, err := j.Group(nil)
			if err != nil {
				t.Fatal(err)
			}

			tx, b, err := g.Begin(t.Context(), a.List, txn.LockLate)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Drop()
			m = New(b, &Language{Lang: "en"}, NewServices(s))
		}

		role, err := m.Authenticate(a.Response, a.User, a.Roles...)
		if err != nil {
			t.Fatal(err)
		}

		kept := any(false)
		if v, _ := m.List().Get("password"); v != nil {
			kept = fmt.Sprintf("%x", str(v))
		}

		if got := [2]any{float64(role), kept}; !slices.Equal(got[:], want[i][:]) {
			t.Errorf("%+v: got %v, need %v", a, got, want[i])
		}
	}
}
