// Package ttstest holds what every engine of speech synthesis must do, as tests
// that any engine can be put through.
package ttstest
