package demo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// sources calls f with each package directory's parsed files, tests left out.
func sources(t *testing.T, f func(dir string, files []*ast.File), roots ...string) {
	t.Helper()
	dirs := map[string][]*ast.File{}
	fset := token.NewFileSet()
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(fset, path, nil, 0)
			dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	for dir, files := range dirs {
		f(dir, files)
	}
}

// literals are the string constants of a package, by name.
func literals(files []*ast.File) map[string]string {
	named := map[string]string{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok {
				for i, name := range v.Names {
					if i < len(v.Values) {
						if s, ok := literal(v.Values[i], nil); ok {
							named[name.Name] = s
						}
					}
				}
			}

			return true
		})
	}

	return named
}

func literal(e ast.Expr, named map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.Ident:
		s, ok := named[e.Name]
		return s, ok
	}

	return "", false
}

func callee(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// used is every text that the runners look up, as module and first words.
func used(t *testing.T) (keys [][2]string) {
	t.Helper()
	sources(t, func(dir string, files []*ast.File) {
		named := literals(files)
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				c, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}

				args := c.Args
				switch callee(c) {
				case "keySince", "KeySince":
					args = args[1:]
				case "key", "Key":
				default:
					return true
				}

				if len(args) != 2 {
					return true
				}
				module, ok1 := literal(args[0], named)
				begins, ok2 := literal(args[1], named)
				if ok1 && ok2 {
					keys = append(keys, [2]string{module, begins})
				}

				return true
			})
		}
	}, "..")

	if len(keys) < 100 {
		t.Fatalf("found only %d texts: does the code look them up otherwise now?", len(keys))
	}

	return keys
}

var variable = regexp.MustCompile(`%\((\w+)\)`)

func variables(s string) map[string]bool {
	names := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(s, -1) {
		names[m[1]] = true
	}
	return names
}

// Where there is no Mailman, something is said all the same.
func TestEachTextHasAStandIn(t *testing.T) {
	p := site.Builtin()
	for _, k := range used(t) {
		if _, ok := p.Msg(k[0], k[1]); !ok {
			t.Errorf("%s: nothing stands in for %q", k[0], k[1])
		}
	}
}

// sameRelease is a Mailman of the release that the built-in profile is like.
func sameRelease(t *testing.T) (prefix string) {
	t.Helper()
	prefix = mmtest.Prefix(t)
	if have, want := mmtest.Version(t, prefix), site.Builtin().Version; have != want {
		t.Skipf("the Mailman here is %s; what is built in is like %s", have, want)
	}
	return prefix
}

// A stand-in says what Mailman's text says: it has the same variables.
func TestStandInsHaveTheVariables(t *testing.T) {
	prefix := sameRelease(t)
	s, err := site.Open(prefix, site.Options{Python: mmtest.Python(t), NoCache: true})
	if err != nil || !s.Probed {
		t.Fatal(err, s.Problem)
	}

	own := site.Builtin()
	for _, k := range used(t) {
		theirs, ok := s.Profile.Msg(k[0], k[1])
		ours, _ := own.Msg(k[0], k[1])
		if !ok {
			continue
		}

		for name := range variables(theirs) {
			if !variables(ours)[name] {
				t.Errorf("%s: %q lacks %s", k[0], ours, name)
			}
		}

		for name := range variables(ours) {
			if !variables(theirs)[name] {
				t.Errorf("%s: %q has %s, which nobody sets", k[0], ours, name)
			}
		}
	}
}

func TestEachTemplateHasAStandIn(t *testing.T) {
	texts := i18n.New(site.FromProfile(t.TempDir(), site.Builtin()), t.Errorf)
	n := 0
	sources(t, func(dir string, files []*ast.File) {
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				lit, ok := node.(*ast.BasicLit)
				if !ok {
					return true
				}

				name, _ := literal(lit, nil)
				if !strings.HasSuffix(name, ".txt") || strings.ContainsAny(name, " /") {
					return true
				}
				n++

				if s, _, err := texts.Maketext(name, nil, "en", nil, true); err != nil || s == "" {
					t.Errorf("%s: got %q, %v", name, s, err)
				}

				return true
			})
		}
	}, "../membership", "../command", "../bounce")

	if n < 10 {
		t.Errorf("found only %d templates: does the code name them otherwise now?", n)
	}
}

// Our templates use no variable that Mailman's own do not.
func TestTemplatesHaveTheVariables(t *testing.T) {
	prefix := sameRelease(t)
	s, err := site.Open(prefix, site.Options{Python: mmtest.Python(t), NoCache: true})
	if err != nil || !s.Probed {
		t.Fatal(err, s.Problem)
	}

	theirs := i18n.New(s, t.Errorf)
	ours := i18n.New(site.FromProfile(t.TempDir(), site.Builtin()), t.Errorf)
	for _, name := range []string{"bounce.txt", "disabled.txt", "probe.txt", "verify.txt", "unsub.txt", "subscribeack.txt", "subauth.txt", "unsubauth.txt",
		"adminsubscribeack.txt", "adminunsubscribeack.txt", "adminaddrchgack.txt", "nomoretoday.txt", "help.txt"} {
		a, _, err := theirs.Maketext(name, nil, "en", nil, true)
		if err != nil {
			t.Error(err)
			continue
		}

		b, _, err := ours.Maketext(name, nil, "en", nil, true)
		if err != nil {
			t.Error(err)
			continue
		}
		have := variables(a.(string))
		for v := range variables(b.(string)) {
			if !have[v] {
				t.Errorf("%s: ours has %s, which Mailman's has not", name, v)
			}
		}
	}
}

// Settings that the code looks up have Mailman's defaults where there is no
// Mailman.
func TestEachSettingHasADefault(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	setting := regexp.MustCompile(`^[A-Z][A-Z_]+$`)
	n := 0
	sources(t, func(dir string, files []*ast.File) {
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				c, ok := node.(*ast.CallExpr)
				if !ok || len(c.Args) != 1 || !strings.Contains(" Str Int Float Bool List Value Duration ", " "+callee(c)+" ") {
					return true
				}

				name, _ := literal(c.Args[0], nil)
				if !setting.MatchString(name) {
					return true
				}
				n++

				// There is no saying which Python a Mailman runs under.
				if _, ok := s.Value(name); !ok && name != "PYTHON" {
					t.Errorf("%s: %s has no default", dir, name)
				}

				return true
			})
		}
	}, "..", "../../mmcompat")

	if n < 30 {
		t.Errorf("found only %d settings: does the code look them up otherwise now?", n)
	}
}
