package zone

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// TestAgainstPython asks Python for the time every few hours around the changes
// of a year, in zones that come as rules.
func TestAgainstPython(t *testing.T) {
	zones := []string{
		"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "NZST-12NZDT,M9.5.0,M4.1.0/3", "<+0330>-3:30", "UTC0",
		"XXX3", "AAA-5:45BBB,J60/0,J300/4", "no zone", "Nowhere/Town",
	}

	const script = `
import json, os, sys, time
out = {}
for tz in json.load(sys.stdin):
    os.environ['TZ'] = tz.encode('ascii')
    time.tzset()
    out[tz] = [time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(t)) for t in range(1767225600, 1798761600, 12600)]
print json.dumps(out)
`

	in, err := json.Marshal(zones)
	if err != nil {
		t.Fatal(err)
	}

	var want map[string][]string
	if err := json.Unmarshal(mmtest.PlainPython(t, in, script), &want); err != nil {
		t.Fatal(err)
	}

	for _, tz := range zones {
		local := Local(tz)
		if local == nil {
			t.Errorf("TZ=%s: got nothing, want a zone", tz)
			continue
		}

		for i, want := range want[tz] {
			at := time.Unix(1767225600+12600*int64(i), 0)
			if had := at.In(local).Format(time.DateTime); had != want {
				t.Errorf("TZ=%s: got %s, want %s", tz, had, want)
				break
			}
		}
	}
}

func TestZonesThatGoKnowsAreLeftToGo(t *testing.T) {
	for _, tz := range []string{"", "UTC", ":Europe/Berlin", "/etc/localtime"} {
		if local := Local(tz); local != nil {
			t.Errorf("TZ=%s: got %v, want nothing", tz, local)
		}
	}

	if _, err := os.Stat("/usr/share/zoneinfo/Europe/Berlin"); err != nil {
		t.Skip("no zone database: ", err)
	}

	if local := Local("Europe/Berlin"); local != nil {
		t.Errorf("got %v, want nothing for a zone of the database", local)
	}
}
