// Package flite is the engine that is built in: CMU Flite, compiled to
// WebAssembly, under wazero. It speaks English.
//
// The module flite.wasm (21.5 MB) is not in the repository. `go generate
// ./tts/flite` fetches it as an npm package into the directory wasm, from where
// it is embedded; a build without it works and has no voice of its own
// ([Embedded] is nil then).
//
// A [Local] runs the module in this process. An [Engine] has processes for
// it, started with low priority and kept while they are used: compiled
// WebAssembly cannot be interrupted by the Go scheduler, so a garbage
// collection in a process that synthesises waits for the end of the
// utterance, and with it everything else. The checks that would prevent it make
// synthesis ten times slower. docs/decisions/ has the numbers.
//
// Local and Engine are safe for concurrent use.
package flite

//go:generate go run ./fetch
