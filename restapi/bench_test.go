package restapi

import (
	"testing"
	"time"

	"mediaserver/call"
)

// BenchmarkDecodeAnswer reads and judges the longest seed answer.
func BenchmarkDecodeAnswer(b *testing.B) {
	body := []byte(seedAnswers[5])
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, fault := decodeAnswer(body, rules{version: v1, extraCalls: 1}); fault != nil {
			b.Fatal(fault)
		}
	}
}

// BenchmarkInstanceInfo writes what a page is told.
func BenchmarkInstanceInfo(b *testing.B) {
	service := Service{APIVersion: Version2}.withDefaults()
	in := &instance{service: &service, id: "5f0c31b9a7e2446d.10231", logName: "2026/03/02/09_14_07_5f0c31b9a7e2446d.10231.log"}
	info := call.Info{ID: "c-1", From: "+441908000001", To: "+441908000100", Target: "+441908000100", Duration: 12 * time.Second}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.instanceInfo(info, finalPage).encode(); err != nil {
			b.Fatal(err)
		}
	}
}
