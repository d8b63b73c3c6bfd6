// Package lifecycle starts the components of the process in order and stops
// them in reverse.
//
// A component is a function that runs until its context ends. The group owns
// the goroutine it runs in and waits for it. A component that ends by itself is
// a failure of the group.
//
// A Group is for one goroutine; only Failed's channel may be read by others.
package lifecycle
