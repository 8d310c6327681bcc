package main

import (
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// What install --lmtp writes to mm_cfg.py is where lmtp listens, and what it prints for mail servers, unless a flag says
// otherwise.
func TestAddressesForMailComeFromMmCfgUnlessFlagsNameThem(t *testing.T) {
	p := site.Builtin()
	p.Settings["MMRUNNER_LMTP"] = site.Setting{Value: pickle.Str("127.0.0.1:1")}
	p.Settings["MMRUNNER_SOCKETMAP"] = site.Setting{Value: pickle.Str("127.0.0.1:2")}
	s := site.FromProfile(t.TempDir(), p)

	var o lmtpOptions
	o.fromSettings(s)
	if !slices.Equal(o.listen, []string{"127.0.0.1:1"}) || !slices.Equal(o.maps, []string{"127.0.0.1:2"}) {
		t.Errorf("got %q and %q, want those of mm_cfg.py", o.listen, o.maps)
	}

	o = lmtpOptions{listen: []string{"127.0.0.1:3"}}
	o.fromSettings(s)
	if !slices.Equal(o.listen, []string{"127.0.0.1:3"}) {
		t.Errorf("got %q, want the flag's", o.listen)
	}
}
