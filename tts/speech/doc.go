// Package speech holds the words that the engines of speech synthesis and
// those who use them share: what is asked of an engine, what a voice is, and
// how it is chosen.
//
// A selector is how a customer names a voice: words for language, country,
// gender, engine and name, in that order as a rule, all but one optional,
// such as "English US Female Ann". See [Find].
//
// All values may be used by several goroutines at once.
package speech
