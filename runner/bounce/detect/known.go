package detect

// variant is one of the forms in which a module was released: its name, for modules with several forms, and the
// function that makes its detector.
type variant struct {
	name string
	make func(*source) detector
}

// knownVariants has the modules of Mailman 2.1.14 to 2.1.39 by name, and then by the digest of the code in the
// profile (site.Module.Code), which does not cover patterns and tables.
var knownVariants = map[string]map[string]variant{
	"AOL":         {"e8d31213e1d64054": {make: newAOL}},
	"Caiwireless": {"009230671cf30cbf": {make: newCaiwireless}},
	"Compuserve":  {"39e1be9fc1c4badd": {make: newCompuserve}},
	"DSN": {
		"d7765bb25588c93f": {make: newDSNStrict},
		"3ca5cb763a03b180": {make: newDSNStrictError},
		"e662e9f135331e60": {make: newDSN},
	},
	"Exchange":  {"6c3387f3a59dc55b": {make: newExchange}},
	"Exim":      {"11a29327e2fd20fc": {make: newExim}},
	"GroupWise": {"a05d7771cec30480": {make: newGroupWise}},
	"LLNL":      {"f6a5d138914e6edb": {make: newLLNL}},
	"Microsoft": {"9b82696817806749": {make: newMicrosoft}},
	"Netscape":  {"10872b1084d74014": {make: newNetscape}},
	"Postfix":   {"e25003685d72e8b7": {make: newPostfix}},
	"Qmail":     {"a8bda897dd9bda2d": {make: newQmail}},
	"SMTP32":    {"f4d3fd859182ed61": {make: newSMTP32}},
	"SimpleMatch": {
		"07bc5cd7584f5529": {"all", newSimpleMatchAll},
		"e151f853478321ed": {"valid", newSimpleMatch},
	},
	"SimpleWarning": {
		"b44f5246776d3efc": {make: newSimpleWarningOld},
		"dafa56b4173d79bf": {make: newSimpleWarning},
	},
	"Sina": {"ebeac7d851dd5a5e": {make: newSina}},
	"Yahoo": {
		"68931a5d4e97f4d4": {make: newYahooOne},
		"d3b5185d5c23ea5b": {make: newYahoo},
	},
	"Yale": {"913ba33614e200c6": {make: newYale}},
}

// knownAPI has the digests of BouncerAPI.py whose ScanMessages is Scan.
var knownAPI = map[string]bool{"02e7f286131db29d": true}
