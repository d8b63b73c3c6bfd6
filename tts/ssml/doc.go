// Package ssml reads the text of text_to_say: plain, or with a subset of SSML
// 1.1 (W3C Speech Synthesis Markup Language).
//
// A text is SSML if it is well-formed: as a document with the root speak, or as
// the content of one. Everything else is plain text, spoken as it stands. The
// elements that count are break, say-as (digits, telephone, characters),
// prosody (rate), p and s; other tags are stripped and their content is kept.
// Only XML's own five entities and character references are known, so there is
// nothing that could grow; depth and number of tags are bounded.
//
// All functions are pure.
package ssml
