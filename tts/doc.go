// Package tts speaks: it turns the texts of text_to_say into audio. A [Speaker]
// stands in front of one or more engines ([Synthesizer]) and adds what they
// all need: SSML, the choice of the voice, a cache, one synthesis for all who
// want the same at the same time, bounds of time and number, the next engine
// where one fails, and equal loudness.
//
// Words: a text consists of pieces, each spoken at one speed with silence after
// it; a long text has a piece for its first sentence, so that it can be heard
// soon, and others of some sentences. A selector names a voice (package speech).
//
// The engines are in the packages flite (built in), command (programs) and
// remote (HTTP). Synthesis never runs in a thread that the media use: the
// engines work in other processes, at low priority.
//
// A Speaker and its Metrics are safe for concurrent use.
package tts
