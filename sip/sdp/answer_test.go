package sdp

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden answers")

// local is our end in tests, of the family of the offer.
func localFor(d *Description) Local {
	l := Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, SessionID: 7, Version: 1}
	if d.Addr().Is6() {
		l.Addr = netip.MustParseAddr("2001:db8::1")
	}
	return l
}

// TestAnswerToRealOffers holds answers and what was settled against the files
// in testdata/offers; run with -update to write them anew and read the diff.
func TestAnswerToRealOffers(t *testing.T) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatalf("no offers: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".sdp")
		t.Run(filepath.Base(name), func(t *testing.T) {
			offer, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Parse(offer)
			if err != nil {
				t.Fatal(err)
			}
			body, m, err := Answer(d, DefaultCapability(), localFor(d))
			got := fmt.Sprintf("%s\n%+v\nerror: %v\n", strings.ReplaceAll(string(body), "\r\n", "\n"), m, err)
			if *update {
				if err := os.WriteFile(name+".answer", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".answer")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
