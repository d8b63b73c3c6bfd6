package apart_test

import (
	"runtime"
	"strings"
	"sync"
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

func TestFunctionMayWaitForOthers(t *testing.T) {
	ask, answer := make(chan int), make(chan int)
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() { answer <- 1 + <-ask })
	got := 0
	apart.Run(func() {
		ask <- 41
		got = <-answer
	})
	if got != 42 {
		t.Errorf("got %d", got)
	}
}

func TestFunctionMayRunAnother(t *testing.T) {
	var order strings.Builder
	apart.Run(func() {
		order.WriteByte('a')
		apart.Run(func() { order.WriteByte('b') })
		order.WriteByte('c')
	})
	if order.String() != "abc" {
		t.Errorf("order %q", order.String())
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

func TestEndOfTheGoroutineIsThatOfTheCaller(t *testing.T) {
	var task sync.WaitGroup
	wentOn := false
	task.Go(func() {
		apart.Run(runtime.Goexit)
		wentOn = true
	})
	task.Wait()
	if wentOn {
		t.Error("the caller went on")
	}
}

func BenchmarkRun(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		apart.Run(func() {})
	}
}

func BenchmarkRunDeep(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		apart.Run(func() { deep(30) })
	}
}

// deep uses some 8 KiB of stack for n = 30.
func deep(n int) byte {
	var room [200]byte
	if n > 0 {
		room[n] = deep(n - 1)
	}
	return room[n]
}
