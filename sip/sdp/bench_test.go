package sdp

import (
	"os"
	"testing"
)

// BenchmarkAnswer is what one call costs: parse an offer, print an answer.
func BenchmarkAnswer(b *testing.B) {
	body, err := os.ReadFile("testdata/offers/baresip.sdp")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := Parse(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Answer(d, DefaultCapability(), us()); err != nil {
			b.Fatal(err)
		}
	}
}
