package membership

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/crypt"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Role says whose password it is, with the numbers of Mailman/Defaults.py.
type Role int

// The roles.
const (
	Unauthorized  Role = 0
	User          Role = 1 // the member
	creator       Role = 2 // may create lists
	ListAdmin     Role = 3
	ListModerator Role = 4
	SiteAdmin     Role = 5
	listPoster    Role = 6
)

// Authenticate is SecurityManager.Authenticate: it returns the first role whose password response is, or Unauthorized.
// user is the member that User stands for. An owner's password that is kept in an old form is kept as SHA-1 from then on.
func (m *Manager) Authenticate(response, user string, roles ...Role) (Role, error) {
	if response == "" {
		return Unauthorized, nil
	}

	// Owners' and the site's passwords are kept as SHA-1, members' as they are.
	sum := sha1.Sum([]byte(response))
	digest := hex.EncodeToString(sum[:])
	for _, role := range roles {
		ok := false
		switch role {
		case User:
			var err error
			ok, err = m.l.AuthenticateMember(user, response)
			if err != nil && !errors.Is(err, maillist.ErrNotAMember) {
				return Unauthorized, err
			}
		case ListAdmin:
			ok = m.authenticateAdmin(response, digest)
		case ListModerator:
			ok = m.secret("mod_password") == digest
		case listPoster:
			ok = m.secret("post_password") == digest
		case SiteAdmin, creator:
			want, set, err := m.services.SitePassword(role == SiteAdmin)
			if err != nil {
				return Unauthorized, err
			}
			ok = set && want == digest
		default:
			m.Log("error", "Bad authcontext: %s", fmt.Sprint(int(role)))
			return Unauthorized, py.Errorf("ValueError", "Bad authcontext: %d", role)
		}

		if ok {
			return role, nil
		}
	}

	return Unauthorized, nil
}

// secret returns a password as the list keeps it, or "".
func (m *Manager) secret(name string) string {
	v, _ := m.l.Get(name)
	return str(v)
}

// authenticateAdmin compares with the owner's password in each form in which Mailman has kept it: SHA-1 in
// hexadecimal, plain MD5, crypt(3).
func (m *Manager) authenticateAdmin(response, digest string) bool {
	secret := m.secret("password")
	if secret == digest {
		return true
	}

	sum := md5.Sum([]byte(response))
	old := secret == string(sum[:])
	// crypt(3) with a salt of two letters always makes 13 characters.
	if !old && len(secret) == 13 && m.s.Profile.Python.Crypt {
		hashed, ok := crypt.DES(response, secret[:2])
		old = ok && hashed == secret
	}

	if old {
		m.l.Set("password", pickle.Str(digest))
	}

	return old
}
