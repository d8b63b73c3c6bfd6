// Package call is the domain of the server: calls, conferences and what can be
// asked of them. It joins sip (signalling), rtp (media endpoints), mixer (who
// hears whom), dtmf (digits) and recording (files), and knows no web page.
//
// Vocabulary: RFC 4353 (focus, participant, conference), RFC 3261 (dialog,
// UAC, UAS). A primary call is the call an application runs for; a secondary
// call is made on its behalf: to a conference of this process or a focus
// elsewhere, a telephone, a SIP address, a service of this process, or a
// WebSocket (package websocket).
//
// What changes a Call is done by its actor: the one goroutine that has the turn, be
// it who asks or the call's own (see turn). Its verbs (Answer, Play, DialConference,
// Connect, …) block, return a result and may be called from any goroutine, one at a
// time; Info, Done and HangUp are safe at any time.
package call
