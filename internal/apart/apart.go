package apart

import (
	"fmt"
	"iter"
	"runtime/debug"
)

// Run runs f on a stack of its own and returns when it has ended. It is a call
// and no more: the thread goes over to f and comes back, the scheduler has
// nothing to choose and no other processor is woken. A panic of f is one of
// the caller: an error, which says where it was. If f ends its goroutine
// (runtime.Goexit, as tests do), the caller's ends as well.
func Run(f func()) {
	step, _ := iter.Pull(func(func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil {
				panic(fmt.Errorf("%v\n\n%s", r, debug.Stack()))
			}
		}()
		grow(0)
		f()
	})
	step()
}

// depth is how deep a stack is to be for what is run apart [bytes]: an answer to
// a call, or a page. With the rest of what is on it this makes 16 KiB.
const depth = 10 << 10

// grow makes the stack as large as it will have to be, at once and while it is
// empty. By itself it would double twice or three times, and all that is on it
// be moved each time: more work than most of what is run apart.
//
//go:noinline
func grow(i int) byte {
	var room [depth]byte
	return room[i]
}
