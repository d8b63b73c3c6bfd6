package recording

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestDiscardLeavesNothing(t *testing.T) {
	for name, c := range map[string]Cipher{"clear": {}, "aescbc": testCipher(t), "age": testAge(t)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, s, r := talking(t, c)
				r.Discard()
				synctest.Wait()
				if len(d.files) != 0 || s.open != 0 {
					t.Errorf("files %v, %d open", d.files, s.open)
				}
				if result, err := r.Close(context.Background()); err != nil || !result.Unnamed {
					t.Errorf("Close: %+v, %v", result, err)
				}
				if outcome(s, outcomeComplete)+outcome(s, outcomeIncomplete)+outcome(s, outcomeFailed) != 0 {
					t.Error("counted")
				}
			})
		})
	}
}

// Of two things that are ready a select takes either: the end of the context counts.
func TestOpenAtTheEndOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		s := newMemStore(t, Config{}, d)
		ctx, cancel := context.WithCancel(context.Background())
		op := &opening{options: options(), done: make(chan struct{})}
		if err := s.reserve(); err != nil {
			t.Fatal(err)
		}
		s.openFile(op)
		cancel()
		if r, err := s.await(ctx, op); r != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", r, err)
		}
		synctest.Wait()
		if len(d.files) != 0 || s.open != 0 {
			t.Errorf("files %v, %d open", d.files, s.open)
		}
	})
}
