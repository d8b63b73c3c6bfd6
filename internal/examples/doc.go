// Package examples holds the tests of what customers copy: the web
// applications in examples/ and the JSON in docs/.
//
// Each application runs as a process of its own, by the command of its README,
// beside the finished server with examples/mediaserver.yaml. Between the two a
// gateway of the test keeps every request, and turns texts to be spoken into
// files with a tone for each text. Two telephones (internal/phone) call.
//
//	phones ──SIP, RTP──▶ mediaserver ──HTTP──▶ gateway ──HTTP──▶ application
//
// Each JSON block of docs/actions and docs/objects is a whole answer or a whole
// request. The answers are given by the pages of a call in virtual time; the
// requests are compared with those that the server makes.
//
// Where the program for a language is missing its test is skipped, but with
// the environment variable CI set it fails.
package examples
