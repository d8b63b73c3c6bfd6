package archtest

import "fmt"

// Exception lets one subject break one rule, for a reason.
type Exception struct {
	Rule    string
	Subject string
	Reason  string
}

// The names of the rules.
const (
	ruleImports    = "imports"
	ruleFile       = "file lines"
	ruleFunction   = "function lines"
	ruleStruct     = "struct fields"
	ruleInterface  = "interface methods"
	rulePackageDoc = "package doc"
	ruleDoc        = "exported doc"
	ruleInit       = "init"
	ruleVariable   = "mutable variable"
	ruleSyncMap    = "sync.Map"
	ruleSleep      = "sleeping test"
	ruleContext    = "context in a struct"
	ruleWord       = "word"
)

// exceptions is the whole list. A function in it is a parser or a table, and
// has TableLines at most.
var exceptions = []Exception{
	{ruleWord, "sip/sdp.ErrNoCommonCodec", "codecs in common is what offer and answer look for, not a drawer of things"},
	{ruleWord, "internal/phone.TestNoCommonCodecIsRefused", "named after sdp.ErrNoCommonCodec"},
	{ruleWord, "internal/leaktest.Helper", "the method of testing.TB has that name"},
}

// Apply takes out of the findings of a rule what has an exception. What is
// left, and exceptions of the rule that nothing needed, come back as messages.
func Apply(rule string, found []Finding, list []Exception) []string {
	var left []string
	used := map[string]bool{}
	allowed := map[string]bool{}
	for _, e := range list {
		if e.Rule == rule {
			allowed[e.Subject] = true
			if e.Reason == "" {
				left = append(left, fmt.Sprintf("exception to %q for %s has no reason", rule, e.Subject))
			}
		}
	}
	for _, f := range found {
		if allowed[f.Subject] {
			used[f.Subject] = true
			continue
		}
		left = append(left, f.String())
	}
	for _, e := range list {
		if e.Rule == rule && !used[e.Subject] {
			left = append(left, fmt.Sprintf("stale exception to %q: nothing in %s needs it; take it out of exceptions.go", rule, e.Subject))
		}
	}
	return left
}
