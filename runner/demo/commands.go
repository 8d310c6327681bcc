package demo

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/pickle"
)

// mailed is one mailed command.
type mailed struct {
	address string // the list's that it goes to: "request", "join", "leave"
	from    string
	subject string
	body    string
}

// mail is command n as a message.
func (c mailed) mail(n int) Mail {
	to := fmt.Sprintf("%s-%s@%s", ListName, c.address, mailHost)
	text := fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nMessage-ID: <command.%d@example.org>\n\n%s", c.from, to, c.subject, n, c.body)
	return Mail{to, text, "commands", "to" + c.address}
}

// commandCount is how many sorts of commands commandFor makes, in turn.
const commandCount = 10

// commandFor makes up command n, from member i where a member sends it. Its effect is added to the expected state.
func commandFor(n, i int, db *pending.DB, want *expected) (c mailed, err error) {
	c = mailed{address: "request", from: address(i)}
	stranger := fmt.Sprintf("new%06d@fresh.example.org", n)
	want.Mails++ // the answer, whatever it is

	// A fixed mixture, with the effects that Mailman's commands have.
	switch n % commandCount {
	case 0, 1: // asks to join; answered by a request to confirm
		c.from, c.subject = stranger, fmt.Sprintf("subscribe secret%d", n)
		want.Pending++
	case 2:
		c.address, c.from = "join", stranger
		want.Pending++
	case 3, 4: // confirms; the welcome is answer enough
		cookie, err := pendSubscription(db, stranger)
		if err != nil {
			return c, err
		}
		c.from, c.subject = stranger, "confirm "+cookie
		want.Members++
	case 5: // leaves; gets a goodbye besides
		c.subject = "unsubscribe " + password(i)
		want.Members--
		want.Mails++
	case 6:
		c.address = "leave"
		want.Pending++
	case 7, 8:
		c.body = fmt.Sprintf("set authenticate %s\nset delivery off\nset hide on\nset show\nend\n", password(i))
		want.ByUser++
		want.Hidden++
	case 9:
		c.body = fmt.Sprintf("password %s secret%d\ninfo\nhelp\nend\n", password(i), n)
	}

	return c, nil
}

// pendSubscription puts a stranger's request to join among those that wait for a
// confirmation, and returns its cookie.
func pendSubscription(db *pending.DB, addr string) (cookie string, err error) {
	u := &pending.UserDesc{Address: pickle.Str(addr), FullName: pickle.Str(""), Password: pickle.Str("secret"), Digest: pickle.Int(0), Language: pickle.Str("en")}
	return db.New(pending.Subscription, u.Pickled())
}
