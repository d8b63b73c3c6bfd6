// Command agent is a WebSocket agent for the destination wss://… of connect:
// it says back what it hears, half a second later, and answers each key with
// the key.
//
//	go run ./examples/agent -cert cert.pem -key key.pem
//	{"connect": {"destinations": ["wss://localhost:8443/"]}}
package main
