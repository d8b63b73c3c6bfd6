package lifecycle

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// until runs until ctx ends, then notes its name.
func until(name string, ended *[]string) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		*ended = append(*ended, name)
		return context.Cause(ctx)
	}
}

func TestStopEndsInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		g := New()
		for _, name := range []string{"first", "second", "third"} {
			g.Start(t.Context(), name, until(name, &ended))
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if want := []string{"third", "second", "first"}; !slices.Equal(ended, want) {
			t.Errorf("ended in the order %v, want %v", ended, want)
		}
	})
}

func TestComponentsOutliveTheContextTheyWereStartedWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		ctx, cancel := context.WithCancel(t.Context())
		g := New()
		g.Start(ctx, "a", until("a", &ended))
		cancel()
		synctest.Wait()
		if len(ended) != 0 {
			t.Error("ended with the context of Start")
		}
		if err := g.Stop(t.Context()); err != nil || len(ended) != 1 {
			t.Errorf("Stop: %v, ended %v", err, ended)
		}
	})
}

func TestFailedNamesTheComponentThatEnded(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"with an error", broken, "x: broken"},
		{"without one", nil, "x: ended unexpectedly"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := New()
				g.Start(t.Context(), "x", func(context.Context) error { return tt.err })
				if err := <-g.Failed(); err.Error() != tt.want {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				if err := g.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestStopReportsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		g.Start(t.Context(), "x", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("not flushed")
		})
		if err := g.Stop(t.Context()); err == nil || err.Error() != "x: not flushed" {
			t.Error(err)
		}
	})
}

func TestStopGivesUpWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := New()
		var first []string
		g.Start(t.Context(), "first", until("first", &first))
		g.Start(t.Context(), "stuck", func(context.Context) error { <-release; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
		if len(first) != 1 {
			t.Error("the component before the stuck one was not told to end")
		}
		close(release)
	})
}
