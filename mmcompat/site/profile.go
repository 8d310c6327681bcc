package site

import "strings"

// Profile has the facts that only the installation's Python can tell. Strings are Python 2 str unless said otherwise:
// bytes without a known charset.
type Profile struct {
	Format  int      // version of this document, ProfileFormat
	Prefix  string   // the installation it describes
	Files   []string // the files it was made from, for the cache to watch
	Version string   // mm_cfg.VERSION, e.g. "2.1.39"

	HexVersion            int // mm_cfg.HEX_VERSION
	DataFileVersion       int // mm_cfg.DATA_FILE_VERSION: config.pck's data_version
	QfileSchemaVersion    int // mm_cfg.QFILE_SCHEMA_VERSION
	PendingSchemaVersion  int // mm_cfg.PENDING_FILE_SCHEMA_VERSION
	RequestsSchemaVersion int // mm_cfg.REQUESTS_FILE_SCHEMA_VERSION

	Python    PythonInfo
	Settings  map[string]Setting            // mm_cfg's module attributes
	Languages map[string]Language           // mm_cfg.LC_DESCRIPTIONS
	Charsets  Charsets                      // email.Charset's registry
	Messages  map[string][]string           // module -> literals given to _, C_ and D_, in source order
	Docs      map[string]map[string]string  // module -> "" (the module), "function" or "Class.method" -> docstring
	Constants map[string]map[string]Setting // module -> name -> value, set by that module itself
	Bouncers  Bouncers
	Commands  map[string]Command // by command, e.g. "confirm" for Commands/cmd_confirm.py
	Modules   map[string]Module  // every module of Mailman that the runners use, e.g. "Queue/BounceRunner"
	Custom    []string           // commands, bounce modules and replaced modules that no known release ships, sorted
}

// profileFormat is the Format this package writes and reads.
const profileFormat = 1

// PythonInfo is about the interpreter and what it can import.
type PythonInfo struct {
	Version      string // e.g. "2.7.18"
	Executable   string
	MaxUnicode   int    // sys.maxunicode: 0xffff if u'' counts in UTF-16 units
	MaxInt       int64  // sys.maxint: the size of hashes, and so the order of dicts
	HashRandom   bool   // sys.flags.hash_randomization: dicts have no order to rely on
	OldRanges    bool   // re.I folds the ends of a range, not its members (before 2.7.9)
	EmailVersion string // email.__version__
	CtypeCharset string // i18n's charset for C_(); "" if C_ is the same as _
	FQDN         string // socket.getfqdn(), for message ids
	Hostname     string // socket.gethostname(), for lock and temporary files
	DNS          bool   // Utils.dns_resolver: Spamhaus and DMARC checks are possible
	IPAddress    bool   // Utils.have_ipaddress
	Crypt        bool   // the crypt module can be imported
}

// Language is one entry of mm_cfg.LC_DESCRIPTIONS.
type Language struct {
	Description string   // as shown to users, before translation
	Charset     string   // e.g. "iso-8859-1"
	Direction   string   // "ltr", "rtl" or, before 2.1.15, ""
	Catalogs    []string // directories of MESSAGES_DIR that gettext looks for a catalog in, best first
}

// Charsets is the registry of email.Charset after all modules were imported.
// Names are lower case.
type Charsets struct {
	Charsets map[string]CharsetEntry // CHARSETS
	Aliases  map[string]string       // ALIASES
	Codecs   map[string]string       // CODEC_MAP; "" where it has None
}

// CharsetEntry says how mail in a charset is encoded.
type CharsetEntry struct {
	Header int     // 0 none, 1 quoted-printable, 2 base64, 3 the shorter
	Body   int     // the same
	Output *string // output_charset; nil where it has None
}

// Module tells a module's source from the source of the releases for which the Go code was written.
type Module struct {
	File     string   // path under PREFIX
	SHA1     string   // of the file
	Code     string   // digest of the syntax tree without docstrings, translated texts and, in Bouncers, patterns
	Full     string   // digest of the whole syntax tree
	Known    bool     // Code is that of a known release
	Verbatim bool     // Full is that of a known release
	Since    string   // first and last known release with this Code; "" if it is not known
	Until    string   //
	Names    []string // what it defines: "name", "Class" and "Class.name", in source order
	Error    string   // why it could not be imported or parsed; "" if it could be
}

// Defines tells whether the module defines name: a function, class or other
// module attribute, or "Class.method".
func (m Module) Defines(name string) bool {
	for _, n := range m.Names {
		if n == name {
			return true
		}
	}
	return false
}

// Command is one module in Mailman/Commands.
type Command struct {
	Module
	Shipped bool // its code and texts are those of a known release: Go may stand in for it
}

// Bouncers is Mailman/Bouncers: the pipeline and each module in it.
type Bouncers struct {
	Pipeline []string                 // BouncerAPI.BOUNCE_PIPELINE
	Modules  map[string]BouncerModule // those in the pipeline and those beside it
}

// BouncerModule is one bounce detector as data.
type BouncerModule struct {
	Module
	Shipped bool // its code is that of a known release, whatever its patterns: Go may stand in for it
	// Patterns has the compiled patterns by module attribute ("acre"). Literal patterns inside functions are
	// "function:N", where N counts calls like re.search(literal, ...) from 0 in source order.
	Patterns map[string]Pattern
	// Tables has the other module attributes, for example Qmail's introtags; patterns in them are Pattern values.
	Tables map[string]Setting
	// Strings has, for each function, the other string literals in source order.
	Strings map[string][]string
}

// Pattern is a regular expression as given to Python's re.
type Pattern struct {
	Regex   string
	Flags   int    // re.I and so on, as numbers
	Unicode bool   // the pattern is a unicode object, and Regex its UTF-8
	Method  string // for literals inside functions: compile, search, match, sub, ...
}

// Flags of Pattern, as Python's re numbers them.
const (
	flagIgnoreCase = 2
	flagLocale     = 4
	flagMultiline  = 8
	flagDotAll     = 16
	flagUnicode    = 32
	flagVerbose    = 64
)

// Setting is one value of Python with its kind. Value is a pickle.Value: nil, bool, pickle.Int, *big.Int, float64,
// pickle.Str, pickle.Unicode, *pickle.List, *pickle.Tuple or *pickle.Dict, and Pattern for a compiled regular
// expression inside one of these.
type Setting struct{ Value any }

// Msg returns the first message id of a module, in source order, that begins with begins. ok is false without one.
func (p *Profile) Msg(module, begins string) (msgid string, ok bool) {
	for _, m := range p.Messages[module] {
		if strings.HasPrefix(m, begins) {
			return m, true
		}
	}
	return "", false
}

// Doc returns the docstring of a module's function ("" for the module itself).
func (p *Profile) Doc(module, name string) (doc string, ok bool) {
	doc, ok = p.Docs[module][name]
	return
}
