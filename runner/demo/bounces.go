package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
)

// samples are bounces of a mailing as mail systems write them, with {names} for
// what differs between two of them.
//
//go:embed samples/*.eml
var samples embed.FS

// kind is one sort of bounce: of parts in a thousand, share are like it.
type kind struct {
	file   string
	share  int
	verp   bool // it comes back to an address that says whom it was sent to
	effect effect
}

// effect says what happens to a bounce.
type effect int

const (
	counted effect = iota
	warning        // nothing is lost yet
	unknown        // no module recognises it
)

var kinds = []kind{
	{"dsn.eml", 500, false, counted},
	{"dsn.eml", 100, true, counted},
	{"delayed.eml", 50, false, warning},
	{"qmail.eml", 120, false, counted},
	{"postfix.eml", 60, false, counted},
	{"exim.eml", 50, false, counted},
	{"exchange.eml", 30, false, counted},
	{"sendmail.eml", 40, false, counted},
	{"vacation.eml", 50, false, unknown},
}

// bounces makes up the bounces of one mailing. They are the same each time.
type bounces struct {
	texts  map[string]string
	random *rand.Rand
	limit  int // members below it bounce
	hit    map[int]bool
	want   *expected
}

func newBounces(limit int, want *expected) (*bounces, error) {
	b := &bounces{texts: map[string]string{}, random: rand.New(rand.NewPCG(1, 138000)), limit: limit, hit: map[int]bool{}, want: want}
	for _, k := range kinds {
		text, err := fs.ReadFile(samples, "samples/"+k.file)
		if err != nil {
			return nil, err
		}
		b.texts[k.file] = string(text)
	}

	original, err := fs.ReadFile(samples, "samples/original.eml")
	b.texts["original"] = string(original)
	return b, err
}

// next makes up bounce n, and adds its effect to the expected state.
func (b *bounces) next(n int) Mail {
	// A random member, and a kind of bounce by its share.
	i := b.random.IntN(b.limit)
	r := b.random.IntN(1000)
	k := kinds[0]
	for _, k = range kinds {
		if r -= k.share; r < 0 {
			break
		}
	}

	// The expected state is counted along, independently of the code that is shown.
	switch k.effect {
	case warning:
		b.want.Discarded++
	case unknown:
		b.want.Forwarded++
	case counted:
		b.want.Registered++
		b.hit[i] = true
	}

	// A VERP address names the member; other bounces are found by their text.
	to := ListName + "-bounces@" + mailHost
	if k.verp {
		to = ListName + "-bounces+" + strings.Replace(address(i), "@", "=", 1) + "@" + mailHost
	}

	fill := strings.NewReplacer("{addr}", address(i), "{to}", to, "{list}", ListName, "{mailhost}", mailHost,
		"{host}", fmt.Sprintf("mx%d.example.net", i%500), "{id}", fmt.Sprintf("%06d", n))
	text := fill.Replace(strings.Replace(b.texts[k.file], "{original}", b.texts["original"], 1))
	return Mail{Recipient: to, Text: text, queue: "bounces"}
}

// finish adds the effect of all bounces on the list to the expected state.
func (b *bounces) finish() {
	for i := 0; i < b.limit; i += weakEvery {
		if !b.hit[i] {
			b.want.BounceInfo++
			b.want.Score += weakScore
		}
	}

	for i := range b.hit {
		b.want.BounceInfo++
		b.want.Score++
		if i%weakEvery == 0 {
			b.want.Score += weakScore
			b.want.ByBounce++
		}
	}

	// A member who is disabled can confirm to be enabled; a notice goes to the member and one to the owner.
	b.want.Pending += b.want.ByBounce
	b.want.Mails += 2*b.want.ByBounce + b.want.Forwarded
}
