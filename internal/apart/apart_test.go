package apart_test

import (
	"strings"
	"testing"

	"mediaserver/internal/apart"
)

func TestRunReturnsWhenTheFunctionHasEnded(t *testing.T) {
	done := false
	apart.Run(func() { done = true })
	if !done {
		t.Error("not done")
	}
}

func TestPanicIsOneOfTheCaller(t *testing.T) {
	defer func() {
		err, ok := recover().(error)
		if !ok || !strings.Contains(err.Error(), "no such thing") || !strings.Contains(err.Error(), "apart_test.go") {
			t.Errorf("recovered %v", err)
		}
	}()
	apart.Run(func() { panic("no such thing") })
	t.Error("the caller went on")
}

func BenchmarkRun(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		apart.Run(func() {})
	}
}
