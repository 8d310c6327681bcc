package record

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// scene is scene.json.
type scene struct {
	Release     string              `json:"release"`
	HexVersion  int                 `json:"hex_version"`
	DataVersion int                 `json:"data_version"`
	Runner      string              `json:"runner"`
	Start       float64             `json:"start"`
	Settings    map[string]any      `json:"settings"`
	Logs        map[string][]string `json:"logs"`
	Messages    []outgoing          `json:"messages"`
}

// TestReplayOfRecordingsGivesTheSame has mmrunner play each recorded scene, with its own profile and no
// Mailman, and compares lists, log lines and outgoing mail.
func TestReplayOfRecordingsGivesTheSame(t *testing.T) {
	for _, name := range Scenes {
		t.Run(name, func(t *testing.T) { replay(t, filepath.Join("../../../testdata/recorded", name+".zip")) })
	}
}

// TestRecordingHoldsWhatMailmanDid records a scene anew with the installed Mailman, and replays that.
func TestRecordingHoldsWhatMailmanDid(t *testing.T) {
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) {
			s, err := site.Open(prefix, site.Options{NoCache: true})
			if err != nil {
				t.Fatal(err)
			}

			for _, name := range Scenes {
				t.Run(name, func(t *testing.T) {
					file := filepath.Join(t.TempDir(), "scene.zip")
					if err := Record(s, name, file); err != nil {
						t.Fatal(err)
					}
					replay(t, file)
				})
			}
		})
	}
}

func TestRecordRefuses(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	if err := Record(s, "weddings", "x"); err == nil || !strings.Contains(err.Error(), `got scene "weddings", need bounces`) {
		t.Errorf("an unknown scene: %v", err)
	}
	if err := Record(s, "bounces", "x"); err == nil || !strings.Contains(err.Error(), "got no Python") {
		t.Errorf("no Python: %v", err)
	}
}

func replay(t *testing.T, file string) {
	files := unzip(t, file)
	var sc scene
	if err := json.Unmarshal([]byte(files["scene.json"]), &sc); err != nil {
		t.Fatal(err)
	}

	profile := site.Builtin()
	profile.Version, profile.HexVersion, profile.DataFileVersion = sc.Release, sc.HexVersion, sc.DataVersion
	for name, v := range sc.Settings {
		profile.Settings[name] = site.Setting{Value: setting(t, v)}
	}
	s := site.FromProfile(t.TempDir(), profile)
	queue := map[string]string{"BounceRunner": "bounces", "CommandRunner": "commands"}[sc.Runner]
	for _, dir := range []string{s.LockDir(), s.LogDir(), s.DataDir(), s.QueueDir(queue)} {
		mkdir(t, dir)
	}

	for name, content := range files {
		if rest, ok := strings.CutPrefix(name, "before/lists/"); ok {
			write(t, filepath.Join(s.ListDataDir(), rest), content)
		}
		if rest, ok := strings.CutPrefix(name, "before/queue/"); ok {
			write(t, filepath.Join(s.QueueDir(queue), rest), content)
		}
	}

	play(t, s, sc)
	compareLists(t, s, files, sc.Start)
	compareLogs(t, s, sc)
	compareMail(t, s, queue, sc)
}

// play drains the scene's queue at the scene's time.
func play(t *testing.T, s *site.Site, sc scene) {
	env := txn.NewEnv(s)
	defer env.Log.Close()
	now := time.Unix(int64(sc.Start), 0).UTC().Add(time.Second)
	env.Now = func() time.Time { return now }
	var h runner.Handler = command.New(membership.NewServices(s))

	if sc.Runner == "BounceRunner" {
		d, err := detect.New(s.Profile)
		if err != nil {
			t.Fatal(err)
		}
		h = bounce.New(d, membership.NewServices(s))
	}

	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	if stats.Entries == 0 || stats.Outcomes[runner.Kept] > 0 {
		t.Errorf("the run did %+v", stats.Outcomes)
	}
}

func compareLists(t *testing.T, s *site.Site, files map[string]string, start float64) {
	compared := 0
	for name, content := range files {
		rest, ok := strings.CutPrefix(name, "after/lists/")
		if !ok || path.Ext(name) != ".pck" {
			continue
		}

		b, err := os.ReadFile(filepath.Join(s.ListDataDir(), rest))
		if err != nil {
			t.Error(err)
			continue
		}
		compared++
		want, got := canonical(t, content, start), canonical(t, string(b), start)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: Mailman -, mmrunner +:\n%s", rest, diff)
		}
	}

	if compared == 0 {
		t.Error("no list was recorded")
	}
}

func compareLogs(t *testing.T, s *site.Site, sc scene) {
	for _, name := range []string{"bounce", "error", "subscribe", "vette", "mischief"} {
		b, err := os.ReadFile(filepath.Join(s.LogDir(), name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}

		want := []string{}
		for _, line := range sc.Logs[name] {
			want = append(want, mask(line))
		}
		got := []string{}
		for _, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
			line = stamp.ReplaceAllString(line, "")
			if line != "" && !strings.Contains(line, "queued bounces") {
				got = append(got, mask(latin1(line)))
			}
		}

		// The places that an exception passed are lines of Mailman's source, which is not there.
		want = slices.DeleteFunc(want, func(line string) bool { return line == "" || strings.HasPrefix(line, "  ") })
		slices.Sort(want)
		slices.Sort(got)

		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log %s: Mailman -, mmrunner +:\n%s", name, diff)
		}
	}
}

func setting(t *testing.T, v any) pickle.Value {
	switch v := v.(type) {
	case string:
		return pickle.Str(v)
	case bool:
		return v
	case float64:
		return pickle.Int(v)
	}

	t.Fatalf("got a setting of Go type %T, need a string, a bool or a number", v)
	return nil
}

func unzip(t *testing.T, file string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}

		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}

		files[f.Name] = string(b)
	}

	return files
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o770); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	mkdir(t, filepath.Dir(file))
	if err := os.WriteFile(file, []byte(content), 0o660); err != nil {
		t.Fatal(err)
	}
}
