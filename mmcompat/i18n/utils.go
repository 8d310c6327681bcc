package i18n

import (
	"encoding/base64"
	"io"
	"regexp"
	"strings"
)

// dollar matches a $name, a ${name} or a $$ (Utils.dre).
var dollar = regexp.MustCompile(`(?i)(\${2})|\$([_a-z]\w*)|\$\{([_a-z]\w*)\}`)

// ToPercent is Utils.to_percent: it turns $name into %(name)s.
func ToPercent(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	return dollar.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		return "%(" + strings.Trim(m, "${}") + ")s"
	})
}

// syllables are the parts of a password that can be spoken.
var syllables = func() (all []string) {
	for _, v := range "aeiou" {
		for _, c := range "bcdfghkmnprstvwxz" {
			all = append(all, string(c)+string(v), string(v)+string(c))
		}
	}
	return all
}()

// MakeRandomPassword is Utils.MakeRandomPassword for users; length 0 means MEMBER_PASSWORD_LENGTH. The error is that
// of random.
func (t *Texts) MakeRandomPassword(random io.Reader, length int) (string, error) {
	if length == 0 {
		length = t.s.Int("MEMBER_PASSWORD_LENGTH")
	}

	// Either random bytes in base64, or syllables that can be spoken.
	if !t.s.Bool("USER_FRIENDLY_PASSWORDS") {
		secret := make([]byte, length)
		if _, err := io.ReadFull(random, secret); err != nil {
			return "", err
		}
		return base64.StdEncoding.EncodeToString(secret)[:length], nil
	}

	var b strings.Builder
	for b.Len() < length {
		var r [1]byte
		if _, err := io.ReadFull(random, r[:]); err != nil {
			return "", err
		}

		// There are 170 syllables. A byte below 170 favours none of them; larger bytes are dropped.
		if int(r[0]) < len(syllables) {
			b.WriteString(syllables[r[0]])
		}
	}

	return b.String()[:length], nil
}
