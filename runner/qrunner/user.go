package qrunner

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// CheckUser returns an error unless the process is Mailman's user's, as mailmanctl's check_privs does: files of
// another user's would stop the runners of Mailman's. A process of root has become Mailman's user long before,
// except where only root can change anything of the installation.
func CheckUser(s *site.Site) error {
	u, err := user.Lookup(s.Str("MAILMAN_USER"))
	if err != nil {
		return err
	}
	if id := os.Geteuid(); id != 0 && strconv.Itoa(id) != u.Uid {
		return fmt.Errorf("got user id %d, need root or Mailman's user %s; -u runs as whoever started it", id, u.Username)
	}
	return nil
}
