package pending

import "github.com/mmrunner/mmrunner/pickle"

// UserDesc is the class of Mailman/UserDesc.py: it describes a user that asks to be subscribed. A nil attribute is
// missing, which is not the same as empty.
type UserDesc struct {
	Address    pickle.Value
	FullName   pickle.Value
	Password   pickle.Value
	Digest     pickle.Value
	Language   pickle.Value
	Invitation pickle.Value // the name of the list that invited, for an invitation only
}

const (
	userDescModule = "Mailman.UserDesc"
	userDescClass  = "UserDesc"
)

// attributes are in the order in which UserDesc's constructor sets them.
func (u *UserDesc) attributes() map[string]*pickle.Value {
	return map[string]*pickle.Value{
		"address":    &u.Address,
		"fullname":   &u.FullName,
		"password":   &u.Password,
		"digest":     &u.Digest,
		"language":   &u.Language,
		"invitation": &u.Invitation,
	}
}

var attributeOrder = []string{"address", "fullname", "password", "digest", "language", "invitation"}

// Pickled returns the instance to put into a record.
func (u *UserDesc) Pickled() *pickle.Instance {
	in := pickle.NewOldInstance(userDescModule, userDescClass)
	have := u.attributes()
	for _, name := range attributeOrder {
		if v := *have[name]; v != nil {
			in.SetAttr(name, v)
		}
	}
	return in
}

// ParseUserDesc reads a UserDesc; ok is false for any other value.
func ParseUserDesc(v pickle.Value) (u *UserDesc, ok bool) {
	in, ok := v.(*pickle.Instance)
	if !ok || in.Class.Module != userDescModule || in.Class.Name != userDescClass {
		return nil, false
	}

	u = &UserDesc{}
	for name, field := range u.attributes() {
		*field, _ = in.Attr(name)
	}
	return u, true
}
