package lmtp

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// usualCharacters is ACCEPTABLE_LISTNAME_CHARACTERS of releases that have no such
// setting.
const usualCharacters = "[-+_.=a-z0-9]"

// SettingsOf returns what Mailman's scripts take from a site's settings. The error
// is for an ACCEPTABLE_LISTNAME_CHARACTERS that is no pattern.
func SettingsOf(s *site.Site) (*intake.Settings, error) {
	set := &intake.Settings{
		ListDir:       s.ListDataDir(),
		Queues:        map[string]string{},
		Schema:        s.Profile.QfileSchemaVersion,
		OwnerPipeline: s.List("OWNER_PIPELINE"),
		SiteBounces:   maillist.GetSiteEmail(s, "bounces"),
	}

	for _, script := range intake.Scripts() {
		set.Queues[script.Queue] = s.QueueDir(script.Queue)
	}
	class := s.Str("ACCEPTABLE_LISTNAME_CHARACTERS")
	if class == "" {
		class = usualCharacters
	}

	re, err := pyre.Compile(class, 0)
	if err != nil {
		return nil, fmt.Errorf("ACCEPTABLE_LISTNAME_CHARACTERS = %q: %w", class, err)
	}

	for c := range set.Acceptable {
		m := re.Match(string([]byte{byte(c)}))
		set.Acceptable[c] = m != nil && m.End() == 1
	}

	return set, nil
}
