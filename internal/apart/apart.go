package apart

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// Run runs f on a stack of its own and returns when it has ended, half a
// microsecond later than a call would. A panic of f is one of the caller: an error, which
// says where it was.
func Run(f func()) {
	var task sync.WaitGroup
	var fault error
	task.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				fault = fmt.Errorf("%v\n\n%s", r, debug.Stack())
			}
		}()
		f()
	})
	task.Wait()
	if fault != nil {
		panic(fault)
	}
}
