// Package interop holds the tests of the finished program against programs that
// were not written here: SIPp, baresip, and those of docs/interoperability.md.
// The binary is built, runs as a process of its own with a configuration file,
// asks a web application that the test serves, and is called over the loopback
// interface.
//
//	SIPp, baresip ──SIP, RTP──▶ mediaserver ──HTTP──▶ web application of the test
//	recorder of the test ◀─RTP──┘    └──▶ /metrics, /healthz, log
//
// SIPp proves the signalling (its scenarios are sip/testdata/sipp/conference_*.xml),
// baresip the sound: each phone sends a tone of its own and records what it
// hears, and the recordings are measured. A recorder is a socket of the test
// that a SIPp call names in its session description, so that every packet the
// server sends is seen with the time of its arrival.
//
// The programs come from Debian packages, which `make deps` installs. Where one
// is missing its tests are skipped, but with the environment variable CI set
// they fail. SIPp needs root to play packets from a file.
package interop
