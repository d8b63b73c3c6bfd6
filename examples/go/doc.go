// Command go is a web application for the media server: it greets the caller,
// puts it into the room that is named by the called number, and says goodbye.
// In the room 1 mutes and unmutes, # leaves. One port number is its argument,
// 8000 without.
//
//	POST /first        a call came: greeting, then the room
//	POST /room/first   the room has answered
//	POST /room/final   the caller has left the room
//	POST /room/error   the room could not be reached
//	POST /goodbye      after the room: goodbye
//	POST /error        something failed
//	POST /final        the call has ended
package main
