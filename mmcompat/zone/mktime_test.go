package zone

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// mktimeScript prints what Python makes of the midnights of pairs of days, zone by
// zone, each zone in a process of its own as far as mktime goes.
const mktimeScript = `
import json, os, sys, time
zones, pairs = json.load(sys.stdin)
out = {}
for tz in zones:
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.environ['TZ'] = tz.encode('ascii')
        time.tzset()
        def midnight(day):
            try:
                t = int(time.mktime(tuple(day) + (0,) * 5 + (-1,)))
                return [t, time.strftime('%Y-%m-%d', time.localtime(t))]
            except OverflowError:
                return None
        f = os.fdopen(w, 'w')
        json.dump([[midnight(a), midnight(b)] for a, b in pairs], f)
        f.close()
        os._exit(0)
    os.close(w)
    out[tz] = json.load(os.fdopen(r))
    os.waitpid(pid, 0)
json.dump(out, sys.stdout)
`

// Midnights that come once, twice and never are those that Python finds, in pairs
// as Mailman asks for them.
func TestMidnightIsPythons(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "Europe/Lisbon", "Atlantic/Azores", "America/Havana", "Asia/Gaza", "Asia/Hebron", "Pacific/Apia", "Asia/Beirut", "Asia/Amman", "Asia/Damascus", "Asia/Tehran",
		"America/Sao_Paulo", "America/Asuncion", "America/Santiago", "America/Scoresbysund", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca", "Asia/Kolkata", "Pacific/Kwajalein", "Antarctica/Troll",
	}

	random := rand.New(rand.NewPCG(1, 1))
	var pairs [][2][3]int
	day := func() [3]int {
		d := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, random.IntN(40*365))
		return [3]int{d.Year(), int(d.Month()), d.Day()}
	}

	for range 400 {
		pairs = append(pairs, [2][3]int{day(), day()})
	}
	// The days on which clocks change somewhere, each after a day of each half of the year.
	for year := 2005; year <= 2030; year++ {
		for _, month := range []int{3, 4, 9, 10, 11} {
			for d := 1; d <= 31; d++ {
				pairs = append(pairs, [2][3]int{{year, 1 + 6*(d%2), 15}, {year, month, d}})
			}
		}
	}

	pairs = append(pairs, [2][3]int{{2011, 12, 29}, {2011, 12, 30}}, [2][3]int{{2011, 12, 31}, {2011, 12, 30}}, [2][3]int{{2011, 13, 1}, {2011, 0, 40}}, [2][3]int{{1969, 12, 31}, {1970, 1, 1}})
	in, err := json.Marshal([]any{zones, pairs})
	if err != nil {
		t.Fatal(err)
	}

	type midnight [2]any
	var want map[string][][2]*midnight
	if err := json.Unmarshal(mmtest.PlainPython(t, in, mktimeScript), &want); err != nil {
		t.Fatal(err)
	}

	for _, tz := range zones {
		local, err := time.LoadLocation(tz)
		if err != nil {
			t.Skip("no zone database: ", err)
		}

		var m Mktime
		bad := 0
		for i, pair := range pairs {
			for j, d := range pair {
				at, ok := m.Midnight(d[0], d[1], d[2], local)
				had := fmt.Sprint(at, time.Unix(at, 0).In(local).Format(time.DateOnly))
				wanted := "nothing"

				if w := want[tz][i][j]; w != nil {
					wanted = fmt.Sprint(int64(w[0].(float64)), w[1])
				}

				if !ok {
					had = "nothing"
				}

				if had != wanted && bad < 5 {
					bad++
					t.Errorf("TZ=%s, %v of %v: got %s, need %s", tz, d, pair, had, wanted)
				}
			}
		}
	}
}
