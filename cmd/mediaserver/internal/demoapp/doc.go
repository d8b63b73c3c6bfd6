// Package demoapp is a web application such as a customer of the server would
// write: pages of JSON, asked over HTTP, that welcome a caller and connect it
// to the conference "demo". The server's built-in defaults run it for
// sip:demo@….
//
//	POST /first   welcome, then the conference; a caller called "listener" may only listen
//	POST /next    after the conference: goodbye
//	POST /final   the call has ended: nothing more to do
//	POST /error   something failed: it is noted
//
// The answers are the files in pages/. Media makes the sounds that they name;
// where the server can speak, callers are greeted by words in their place.
//
// The handler is safe for concurrent use.
package demoapp
