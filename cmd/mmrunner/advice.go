package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// advised is an error with what to do about it, where that is known.
func advised(root *cobra.Command, args []string, err error) error {
	if !errors.Is(err, fs.ErrPermission) || os.Geteuid() == 0 {
		return err
	}

	// Started by root, this process has become Mailman's user already.
	name := mailmansUser(root)
	if u, lookup := user.LookupId(strconv.Itoa(os.Geteuid())); lookup == nil && u.Username == name {
		return fmt.Errorf("%w\nmmrunner works as Mailman's user, %s, who may not do that", err, name)
	}
	return fmt.Errorf("%w\nrun it as Mailman's user: sudo -u %s mmrunner %s", err, name, quoted(args))
}

// mailmansUser is the name of Mailman's user, as far as this process can tell it.
func mailmansUser(root *cobra.Command) string {
	const usual = "mailman"
	named, err := root.PersistentFlags().GetString("prefix")
	if err != nil {
		return usual
	}

	prefix, err := site.Find(named)
	if err != nil {
		return usual
	}
	u, _, err := privilege.Find(prefix)
	if err != nil || u.Name == "" {
		return usual
	}

	return u.Name
}

// quoted are arguments as a shell takes them.
func quoted(args []string) string {
	var out []string
	for _, a := range args {
		if strings.ContainsFunc(a, func(r rune) bool {
			return !strings.ContainsRune("-_=./:,+@%", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) || a == "" {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		out = append(out, a)
	}

	return strings.Join(out, " ")
}
