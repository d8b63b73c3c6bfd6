package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// importRow says what a package may import of ours and what it must not
// import at all. Names are directories; "x/..." is x with all below it.
type importRow struct {
	who   string
	may   []string
	never []string // of the standard library
}

// importTable is docs/ARCHITECTURE.md "Who may import whom". The first row
// that fits counts.
var importTable = []importRow{
	{who: "audio", never: []string{"net/..."}},
	{who: "audio/wav", may: []string{"audio", "audio/g711"}, never: []string{"net/..."}},
	{who: "audio/...", may: []string{"audio"}, never: []string{"net/..."}},
	// internal/prefetch is a hint to the processor and knows nothing.
	{who: "mixer", may: []string{"audio", "internal/prefetch", "internal/cputime", "internal/realtime"}, never: []string{"net/..."}},
	{who: "dtmf", may: []string{"audio"}, never: []string{"net/..."}},
	{who: "tts/...", may: []string{"tts/...", "audio/..."}},
	{who: "recording/...", may: []string{"recording/...", "audio/..."}},
	{who: "rtp/srtp", may: []string{"internal/prefetch"}, never: []string{"net/http/..."}},
	{who: "rtp/dtls", may: []string{"rtp/srtp"}, never: []string{"net/http/..."}},
	{who: "rtp/ice", never: []string{"net", "net/http/..."}},
	{who: "rtp", may: []string{"rtp/srtp", "audio", "internal/prefetch", "internal/lone", "internal/shortage"}, never: []string{"net/http/..."}},
	{who: "sip/sdp", never: []string{"net", "net/http/..."}},
	{who: "sip/websocket"}, // net/http for the opening handshake of RFC 7118
	{who: "sip/guard", never: []string{"net", "net/http/..."}},
	{who: "sip", may: []string{"sip/guard", "sip/sdp", "sip/websocket", "internal/apart", "internal/shortage"}, never: []string{"net/http/..."}},
	{
		who:   "call",
		may:   []string{"sip/...", "rtp/...", "mixer", "dtmf", "tts/...", "recording/...", "audio/...", "internal/prefetch", "internal/apart", "internal/shorten"},
		never: []string{"net/http/..."},
	},
	{who: "call/trunk", may: []string{"call", "sip", "internal/wildcard"}},
	{who: "call/websocket", may: []string{"call", "rtp", "dtmf"}},
	// The value types of call carry dtmf.Digit and audio.RingingPattern.
	{who: "restapi/...", may: []string{"restapi/...", "call", "dtmf", "audio", "internal/wildcard", "internal/apart", "internal/shorten"}},
	{who: "internal/phone", may: []string{"sip/...", "rtp/...", "dtmf", "audio/..."}, never: []string{"net/http/..."}},
	{who: "internal/golden"},   // tests only
	{who: "internal/interop"},  // tests only
	{who: "internal/examples"}, // tests only
	{who: "internal/memnet"},
	{who: "internal/apart"},
	{who: "internal/cputime"},
	{who: "internal/realtime"},
	{who: "internal/prefetch"},
	{who: "internal/lone"},
	{who: "internal/shortage"},
	{who: "internal/shorten"},
	{who: "internal/wildcard"},
	{who: "internal/leaktest"},
	{who: "internal/archtest"},
	{who: "cmd/...", may: []string{"..."}},
	{who: "bench/...", may: []string{"..."}},
	{who: "examples/..."}, // web applications: they know the protocol only
}

// Imports finds imports that importTable does not allow. Tests may import
// what they need.
func Imports(t *Tree) []Finding { return importsBy(t, importTable) }

// importsBy is Imports with another table.
func importsBy(t *Tree, table []importRow) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		row, ok := rowFor(table, p.Path)
		if !ok {
			found = append(found, Finding{
				Pos: p.Files[0].Name + ":1", Subject: p.Path,
				Text: "package without a row in the import table of internal/archtest",
			})
			continue
		}
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for _, s := range f.AST.Imports {
				if why := row.refuses(importPath(s)); why != "" {
					found = append(found, Finding{Pos: t.at(s), Subject: p.Path + " → " + importPath(s), Text: why})
				}
			}
		}
	}
	return found
}

// rowFor is the first row that fits a package.
func rowFor(table []importRow, pkg string) (importRow, bool) {
	for _, r := range table {
		if fits(r.who, pkg) {
			return r, true
		}
	}
	return importRow{}, false
}

// refuses says why an import is not allowed, or "".
func (r importRow) refuses(imported string) string {
	matches := func(patterns []string, name string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return fits(pattern, name) })
	}
	if ours, ok := strings.CutPrefix(imported, Module+"/"); ok {
		if !matches(r.may, ours) {
			return fmt.Sprintf("%s may import of ours only %v, not %s", r.who, r.may, ours)
		}
	} else if matches(r.never, imported) {
		return fmt.Sprintf("%s must not import %s", r.who, imported)
	}
	return ""
}

// fits reports whether a directory or import path is meant by a pattern.
func fits(pattern, name string) bool {
	base, below := strings.CutSuffix(pattern, "...")
	if !below {
		return pattern == name
	}
	base = strings.TrimSuffix(base, "/")
	return base == "" || name == base || strings.HasPrefix(name, base+"/")
}
