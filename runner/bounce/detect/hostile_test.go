package detect

import (
	"encoding/base64"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// beginnings lead a message into the state in which a module looks through the
// rest of it. The module that a beginning is for comes first in its name.
var beginnings = []struct{ name, text string }{
	{"plain", "From: a@example.com\n\n"},
	{"Qmail", "From: a@example.com\n\nHi. This is the\n\n"},
	{"Qmail intro", "From: a@example.com\n\nHi. This is the\n"},
	{"Yahoo", "From: mailer-daemon@yahoo.com\n\nMessage from yahoo.com.\n"},
	{"Caiwireless", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nThe following recipients did not receive this message:\n\n"},
	{"Exchange", "From: a@example.com\n\ndid not reach the following recipient(s):\n"},
	{"Netscape", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n\n--x\nContent-Type: text/plain\n\nThis Message was undeliverable due to the following reason:\n"},
	{"Compuserve", "From: a@example.com\n\nyour message could not be delivered\n"},
	{"Microsoft", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n  Transcript of session follows\n"},
	{"GroupWise", "X-Mailer: Novell\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n"},
	{"Postfix", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Description: notification\nContent-Type: text/plain\n\nThe Postfix program\n"},
	{"SMTP32", "X-Mailer: <SMTP32 v1>\n\n"},
	{"SimpleMatch", "From: a@example.com\n\nfailed addresses follow:\n"},
	{"SimpleMatch angles", "From: a@example.com\n\nhere is your list of failed recipients\n"},
	{"SimpleMatch all", "From: a@example.com\n\n" + strings.Join([]string{
		"Here is your list of failed recipients", "the following addresses had", "this message was created automatically by mail delivery software",
		"message from interscan e-mail viruswall nt", "failed addresses follow:", "This is the machine generated message from mail service.",
		"The following addresses did NOT receive a copy of your message:", "Intended recipient:", "Undeliverable Address:", "User's mailbox is full:",
		"The email below could not be delivered to the following user:", "Unable to deliver message to the following address(es).",
		"Delivery to the following recipient failed", "A message that you sent could not be delivered", "Your message", "Sorry, unable to deliver your message to",
		"A message could not be delivered to:", "Invalid final delivery userid:", "---- Failed Recipients ----", "--> Error description:",
		"Your message could not be delivered", "This is the deliver program at", "this is the email server at", "- no such user here", "Could not deliver message to",
		"Message could not be delivered to some recipients.", "This is a delivery failure notification message", ""}, "\n")},
	{"Yale", "From: mailer-daemon@yale.edu\n\nMessage not delivered to the following\n"},
	{"AOL", "From: a@aol.com\n\nmail to the following recipients could not be delivered\n"},
	{"Sina", "From: mailer-daemon@sina.com\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n"},
	{"base64", "Content-Transfer-Encoding: base64\n\n"},
	{"qp", "Content-Transfer-Encoding: quoted-printable\n\n"},
	{"status", "Content-Type: message/delivery-status\n\n"},
	{"DSN", "Content-Type: message/delivery-status\n\nAction: failed\nFinal-Recipient: "},
	{"Exim", "X-Failed-Recipients: "},
	{"from", "From: "},
	{"type", "Content-Type: text/plain; "},
	{"encoding", "Content-Transfer-Encoding: "},
}

// fillings are repeated until the message is large enough, with a number in place
// of each %d.
var fillings = []struct{ name, text string }{
	{"angles", "<"},
	{"closed angles", ">"},
	{"pairs", "<>\n"},
	{"pairs in one line", "<>"},
	{"at", "@"},
	{"a at", "a@"},
	{"at line", "a@\n"},
	{"words at", "a@ "},
	{"commas", ",a@"},
	{"comma lines", ", a@b\n"},
	{"newlines", "\n"},
	{"returns", "\r"},
	{"spaces", " "},
	{"short", "x\n"},
	{"one line", "x"},
	{"open address", "<a@b"},
	{"prose", "The quick brown fox jumps over the lazy dog at <noon>, and\nnothing else happens on this day, as far as anybody knows.\n"},
	{"headers", "Received: from a.example.com (a.example.com [192.0.2.1]) by b.example.com; Mon, 12 Mar 2018\n"},
	{"phrases", "the following addresses had a message that you sent could not be delivered to the following recipient"},
	{"status", "Action: failed\nFinal-Recipient: rfc822; a b c\n\n"},
	{"two lines", "x\ny\n"},
	{"two at lines", "a@\nb@\n"},
	{"empty parts", "--x\n\n"},
	{"empty blocks", "a:\n\n"},
	{"many", "<a%d@b>:\n"},
	{"many fields", "Final-Recipient: rfc822; a%d@b\n"},
	{"many blocks", "Action: failed\nFinal-Recipient: rfc822; a%d@b\n\n"},
	{"semicolons", "; a"},
	{"quotes", "\""},
	{"parentheses", "("},
	{"closed parentheses", ")"},
	{"backslashes", "\\"},
	{"letters", "abcdefghijklmnopqrstuvwxyz0123456789"},
}

// hostile calls f for every beginning with every filling, and a few more.
func hostile(size int, f func(name, text string)) {
	for _, b := range beginnings {
		for _, fill := range fillings {
			size := size
			if !strings.Contains(b.text, "\n\n") {
				size = min(size, maxField-200)
			}

			text := filled(fill.text, size)
			f(b.name+", "+fill.name, b.text+text)
			if fill.name == "angles" || fill.name == "one line" || fill.name == "a at" || fill.name == "commas" {
				f(b.name+", "+fill.name+", closed", b.text+text+">: ,\n--x--\n")
			}
		}
	}

	r := rand.New(rand.NewSource(1))
	random := make([]byte, size)
	_, _ = r.Read(random)
	f("random bytes", "From: a@example.com\n\n"+string(random))
	f("random base64", "Content-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString(random[:size*3/4]))
	tail := strings.Repeat(fillings[16].text, size/len(fillings[16].text))
	crowd := min(size/100, maxParts-2)
	f("many parts", "X-Mailer: Novell\nContent-Type: multipart/mixed; boundary=x\n\n"+strings.Repeat("--x\n\n", crowd)+tail)
	f("many blocks", "Content-Type: message/delivery-status\n\n"+filled("Action: failed\nFinal-Recipient: rfc822; a%d@b\n\n", 34*crowd)+tail)
	words := &strings.Builder{}
	words.WriteString(beginnings[14].text)

	for words.Len() < size {
		words.WriteString(spices[r.Intn(len(spices))])
		fill := fillings[r.Intn(len(fillings))].text
		words.WriteString(fill[r.Intn(len(fill)):])
	}

	f("random pieces", words.String())
}

// filled is that much of a filling.
func filled(fill string, size int) string {
	if !strings.Contains(fill, "%d") {
		return strings.Repeat(fill, size/len(fill)+1)[:size]
	}
	b := make([]byte, 0, size+len(fill)+20)
	for n := 0; len(b) < size; n++ {
		b = fmt.Appendf(b, fill, n)
	}
	return string(b[:size])
}

// processorTime returns the processor time of this thread, which other load on the machine does not change.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHostile prints, for each module, how long it takes at most for a
// message of 10 MB that was made to keep it busy, and for which.
func BenchmarkHostile(b *testing.B) {
	const size = 10 << 20
	d := detectorOf(b, mmtest.Prefix(b), "Sina")

	type worst struct {
		name string
		took time.Duration
	}

	only := os.Getenv("MMRUNNER_HOSTILE")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	for range b.N {
		slowest := map[string]worst{}
		hostile(size, func(name, text string) {
			if only != "" && !strings.HasPrefix(name, only) {
				return
			}
			m, err := message.Parse(text)
			if err != nil || (&scan{m: m}).excess() != nil {
				return
			}

			for _, st := range d.pipeline {
				// The best of two: the first one also makes the automaton's states.
				took := time.Hour
				for range 2 {
					s := &scan{m: m, tags: d.tags}
					start := processorTime(b)
					st.module.process(s)
					took = min(took, processorTime(b)-start)
				}

				if took > slowest[st.name].took {
					slowest[st.name] = worst{name, took}
				}
			}
		})

		for _, st := range d.pipeline {
			w := slowest[st.name]
			b.ReportMetric(float64(w.took.Microseconds())/1000, st.name+"-ms")
			fmt.Printf("%-14s %7.1f ms  %s\n", st.name, float64(w.took.Microseconds())/1000, w.name)
		}
	}
}

// TestHostileAgainstPython holds the detectors against Mailman on such messages,
// made short enough for it.
func TestHostileAgainstPython(t *testing.T) {
	prefix := mmtest.Prefix(t)
	d := detectorOf(t, prefix, "Sina")
	var texts []string
	for _, size := range []int{300, 1501} {
		hostile(size, func(_, text string) { texts = append(texts, text) })
	}
	counts := map[string]int{}
	compare(t, d, prefix, texts, counts, "Sina")
	t.Logf("%d messages; found by module %v", len(texts), counts)
}
