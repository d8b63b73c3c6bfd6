// Package remote is the engine of speech synthesis that asks a server over
// HTTP. The request is described by templates; the answer is WAV, MP3 or raw
// samples. [OpenAI] describes servers that have the interface of OpenAI's
// /v1/audio/speech.
//
// Placeholders are {text}, {voice}, {language}, {rate} (1 is normal) and
// {key}, the secret. What they stand for is escaped for its place: in the
// address for a part of a path or a value of the query, in the body by its
// Content-Type for JSON strings, XML or forms. {key} is not filled in where
// the answer to an error could show it: errors and logs name only the host of
// the address and the status, never address, headers or body.
//
// Redirects are not followed, so that a key goes only where it was meant to.
//
// An Engine is safe for concurrent use.
package remote
