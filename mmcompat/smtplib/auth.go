package smtplib

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Login is login(user, password), by the first of CRAM-MD5, PLAIN and LOGIN that
// the server has. The error is a *ReplyError of the kind SMTPHeloError or
// SMTPAuthenticationError, an *Error, or a *py.Error where a challenge cannot be
// decoded.
func (c *Client) Login(user, password string) error {
	if err := c.Greet(); err != nil {
		return err
	}
	if !c.has("auth") {
		return &Error{Text: "SMTP AUTH extension not supported by server."}
	}

	offered := strings.Fields(c.features["auth"])
	b64 := base64.StdEncoding.EncodeToString
	var r Reply
	var err error
	switch {
	case slices.Contains(offered, "CRAM-MD5"):
		if r, err = c.command("AUTH CRAM-MD5"); err != nil || r.Code == 503 {
			return err
		}
		challenge, ok := message.DecodeBase64(r.Text)
		if !ok {
			return py.Errorf("Error", "Incorrect padding")
		}

		sum := hmac.New(md5.New, []byte(password))
		sum.Write([]byte(challenge))
		r, err = c.command(b64([]byte(user + " " + hex.EncodeToString(sum.Sum(nil)))))
	case slices.Contains(offered, "PLAIN"):
		r, err = c.command("AUTH PLAIN " + b64([]byte("\x00"+user+"\x00"+password)))
	case slices.Contains(offered, "LOGIN"):
		if r, err = c.command("AUTH LOGIN " + b64([]byte(user))); err != nil {
			return err
		}
		if r.Code != 334 {
			return &ReplyError{Kind: "SMTPAuthenticationError", Reply: r}
		}
		r, err = c.command(b64([]byte(password)))
	default:
		return &Error{Text: "No suitable authentication method found."}
	}

	if err == nil && r.Code != 235 && r.Code != 503 {
		err = &ReplyError{Kind: "SMTPAuthenticationError", Reply: r}
	}

	return err
}
