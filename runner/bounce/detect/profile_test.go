package detect

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

func conv(v any) any {
	switch v := v.(type) {
	case string:
		var b []byte
		for _, r := range v {
			b = append(b, byte(r))
		}
		return pickle.Str(b)
	case []any:
		l := &pickle.List{}
		for _, x := range v {
			l.Items = append(l.Items, conv(x))
		}
		return l
	case map[string]any:
		if t, ok := v["t"].([]any); ok {
			l := &pickle.Tuple{}
			for _, x := range t {
				l.Items = append(l.Items, conv(x))
			}
			return l
		}

		if re, ok := v["re"].(map[string]any); ok {
			return site.Pattern{Regex: string(conv(re["Regex"]).(pickle.Str)), Flags: int(re["Flags"].(float64))}
		}
	}

	return nil
}

func detectorOf(t testing.TB, prefix string, extra ...string) *Detector {
	b, _ := os.ReadFile("../../../mmcompat/site/probe.py")
	out := mmtest.RunPython(t, prefix, string(b)+"\n", prefix)

	var raw struct {
		Version  string
		Python   site.PythonInfo
		Settings map[string]any
		Bouncers struct {
			Pipeline []string
			Modules  map[string]struct {
				Code     string
				Error    string
				Patterns map[string]site.Pattern
				Tables   map[string]any
			}
		}
	}

	if err := json.Unmarshal(out, &raw); err != nil {
		t.Fatal(err, string(out[:100]))
	}

	p := &site.Profile{Version: raw.Version, Python: raw.Python}
	p.Settings = map[string]site.Setting{}
	for k, v := range raw.Settings {
		p.Settings[k] = site.Setting{Value: conv(v)}
	}
	p.Bouncers.Pipeline = append(raw.Bouncers.Pipeline, extra...)
	p.Bouncers.Modules = map[string]site.BouncerModule{}

	for n, m := range raw.Bouncers.Modules {
		bm := site.BouncerModule{Module: site.Module{Code: m.Code, Error: m.Error}, Patterns: m.Patterns, Tables: map[string]site.Setting{}}
		for k, v := range m.Tables {
			bm.Tables[k] = site.Setting{Value: conv(v)}
		}
		p.Bouncers.Modules[n] = bm
	}

	d, err := New(p)
	if err != nil {
		t.Fatal(err)
	}

	if u := d.Unsupported(); len(u) > 0 {
		t.Errorf("unsupported: %q", u)
	}

	return d
}
