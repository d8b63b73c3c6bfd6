// Package template fills placeholders such as {text} into the commands,
// addresses and bodies of the engines of speech synthesis.
//
// All functions are pure.
package template
