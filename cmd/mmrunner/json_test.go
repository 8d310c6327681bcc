package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner/devtools/bench"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/report"
	"github.com/mmrunner/mmrunner/runner/shadow"
	"github.com/mmrunner/mmrunner/runner/verify"
)

var update = flag.Bool("update", false, "write the fields of all JSON documents to "+fieldsFile)

const fieldsFile = "jsonfields.txt"

// documents are the results of all commands that have --json, with something in each field.
func documents() map[string][]any {
	docs := map[string][]any{
		"bench": {&benchDocument{}, &intakeDocument{}}, "detect": {&detectDocument{}}, "drain": {&drainDocument{}}, "enable": {&enabledMembers{}}, "release": {&releasedMembers{}}, "report": {&report.Report{}, &report.Member{}, &report.PendingReport{}}, "dump": {&dumpDocument{}},
		"probe": {&probeDocument{}}, "shadow": {&shadow.Report{}}, "status": {&statusDocument{}}, "verify": {&verify.Report{}, &pairDocument{}},
		"version": {&build{}}, "list": {&shuntDocument{}}, "show": {&shuntedEntry{}},
	}

	for _, all := range docs {
		for _, doc := range all {
			fill(reflect.ValueOf(doc).Elem(), nil)
		}
	}

	return docs
}

// fill puts something into every field of a value, so that none is left out. What holds others of its own type, which
// within names, is filled once.
func fill(v reflect.Value, within []reflect.Type) {
	switch v.Kind() {
	case reflect.Pointer:
		if slices.Contains(within, v.Type().Elem()) {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), within)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1e9, 0)))
			return
		}
		within = append(slices.Clone(within), v.Type())
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), within)
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte("{}"))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), within)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), within)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, within)
		fill(value, within)
		v.SetMapIndex(key, value)
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf("x"))
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	}
}

// paths adds the fields of a value as JSON has it, with their kinds.
func paths(at string, v any, add func(path, kind string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if k == "x" {
				k = "NAME" // a map's key
			}
			paths(strings.TrimPrefix(at+"."+k, "."), x, add)
		}
	case []any:
		for _, x := range v {
			paths(at+"[]", x, add)
		}
		if len(v) == 0 {
			add(at+"[]", "")
		}
	case nil: // more of the same
	case string:
		kind := "string"
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			kind = "time"
		}
		add(at, kind)
	case float64:
		add(at, "number")
	case bool:
		add(at, "true or false")
	}
}

// Scripts read what --json prints. A field that goes or means something else takes another schema version; run the test
// with -update then, or for a new field.
func TestJSONKeepsItsFields(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z][a-z0-9_]*(\[\])*$`)
	var lines []string
	for name, docs := range documents() {
		for _, doc := range docs {
			cmd := &cobra.Command{Use: name}
			var out bytes.Buffer
			cmd.SetOut(&out)

			if err := printJSON(cmd, doc); err != nil {
				t.Fatal(err)
			}

			var v map[string]any
			if err := json.Unmarshal(out.Bytes(), &v); err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, out.String())
			}

			if v["schema_version"] != float64(schemaVersion) || v["command"] != name {
				t.Errorf("%s: got version %v and command %v", name, v["schema_version"], v["command"])
			}

			paths("", v, func(path, kind string) {
				for _, part := range strings.Split(path, ".") {
					if part != "NAME" && !snake.MatchString(part) {
						t.Errorf("%s: %s is not in snake_case", name, path)
					}
				}

				if strings.HasSuffix(path, "_ns") {
					t.Errorf("%s: %s is not in seconds", name, path)
				}

				lines = append(lines, fmt.Sprintf("%-8s %-38s %s", name, path, kind))
			})
		}
	}

	sort.Strings(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n"

	if *update {
		if err := os.WriteFile(fieldsFile, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(fieldsFile)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the fields are not those of %s (-need +got):\n%s", fieldsFile, diff)
	}
}

// All commands that have --json are among them.
func TestJSONOfEveryCommandIsPinned(t *testing.T) {
	docs := documents()
	all(newRoot(), func(cmd *cobra.Command) {
		if cmd.Flags().Lookup("json") != nil && docs[cmd.Name()] == nil {
			t.Errorf("%s has --json, and no document in documents()", cmd.CommandPath())
		}
	})
}

// Nothing of what a status shows is null: scripts go through lists.
func TestJSONHasNoNull(t *testing.T) {
	for _, v := range []any{&verify.Report{Findings: []verify.Finding{}, Unread: []string{}, Kinds: map[verify.Kind]verify.Count{}}, history.Commit{Outcomes: map[string]int{}}, bench.Row{}} {
		b, err := json.Marshal(v)
		if err != nil || bytes.Contains(b, []byte("null")) {
			t.Errorf("got %s, %v", b, err)
		}
	}
}
