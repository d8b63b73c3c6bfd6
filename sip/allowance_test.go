package sip

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// largeSDP is as long as our session descriptions are at most, with the keys of all
// suites and candidates.
var largeSDP = append(testSDP("answer"), bytes.Repeat([]byte("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:012345678901234567890123456789\r\n"), 12)...)

// ringAndAnswer is a Handler that rings, answers and waits.
func ringAndAnswer(_ context.Context, d *Dialog) {
	_ = d.Progress(codeRinging, "", nil)
	_ = d.Answer(largeSDP)
	<-d.Ended()
}

// shortest is a request with nothing in it that is not needed.
func shortest(method string) string {
	return method + " sip:x SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a@b>;tag=1\r\nt:<sip:c@d>\r\ni:1\r\nCSeq:1 " + method + "\r\nm:<sip:a@203.0.113.1>\r\n\r\n"
}

// What is sent to a UDP source that may be forged is a small multiple of what came
// from it. docs/security.md says so.
func TestAnswersAreNoWeapon(t *testing.T) {
	const each = 4 // times the bytes of the request, of one answer
	invite := func(r *remote) string {
		msg := strings.Replace(r.request("INVITE", "Content-Type: application/sdp"), "Content-Length: 0\r\n\r\n", "", 1)
		return msg + strings.TrimPrefix(text(string(testSDP("offer"))), "\r\n")
	}
	for name, c := range map[string]struct {
		msg     func(*remote) string
		handler Handler
		most    int
		want    string // the answers
	}{
		"OPTIONS":           {func(r *remote) string { return r.request("OPTIONS") }, nil, each, "200 OPTIONS"},
		"a short OPTIONS":   {func(*remote) string { return shortest("OPTIONS") }, nil, each, "200 OPTIONS"},
		"an unknown method": {func(r *remote) string { return r.request("FOO") }, nil, each, "501 FOO"},
		"a BYE of nothing":  {func(*remote) string { return shortest("BYE") }, nil, each, "481 BYE"},
		"a CANCEL":          {func(*remote) string { return shortest("CANCEL") }, nil, each, "481 CANCEL"},
		"a REGISTER":        {func(*remote) string { return shortest("REGISTER") }, nil, each, "401 REGISTER"},
		"an ACK":            {func(*remote) string { return shortest("ACK") }, nil, 0, ""},
		"a response": {func(r *remote) string {
			return strings.Replace(r.request("INVITE"), "INVITE sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK", 1)
		}, nil, 0, ""},
		"a keep-alive": {func(*remote) string { return ping }, nil, 0, ""},
		"STUN":         {func(*remote) string { return string(stunRequest()) }, nil, 1, ""},
		"what cannot be parsed": {func(*remote) string {
			return "FOO bar SIP/2.0\r\nv: x\r\nf: y\r\nt: z\r\ni: 1\r\nCSeq: 1 FOO\r\n\r\n"
		}, nil, each, "400 FOO"},
		"a call to nobody":             {invite, nil, maxGain, "100 INVITE,404 INVITE,404 INVITE,404 INVITE,404 INVITE"},
		"an answer without ACK":        {invite, answerAll, maxGain, "100 INVITE,200 INVITE,200 INVITE,200 INVITE,200 INVITE,BYE"},
		"a long answer without ACK":    {invite, ringAndAnswer, maxGain, "100 INVITE,180 INVITE,200 INVITE,200 INVITE,BYE"},
		"an INVITE without offer":      {func(r *remote) string { return r.request("INVITE") }, ringAndAnswer, maxGain, "100 INVITE,180 INVITE,200 INVITE,BYE"},
		"the shortest INVITE there is": {func(*remote) string { return shortest("INVITE") }, ringAndAnswer, maxGain + 2, "100 INVITE,180 INVITE,200 INVITE"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{Access: Access{Allow: prefixes("0.0.0.0/0"), Phones: []Phone{{Name: "desk", Password: "x"}}}, Defence: Defence{Exempt: elsewhere()}}
				r := far(t, cfg, c.handler, "203.0.113.1:5060")
				msg := c.msg(r)
				r.give(msg)
				time.Sleep(5 * time.Minute)
				codes, size := r.answers()
				if size > c.most*len(msg) || strings.Join(codes, ",") != c.want {
					t.Errorf("%d bytes for %d: %q, want %s", size, len(msg), codes, c.want)
				}
				t.Logf("%d bytes in, %d out, %.1f times: %q", len(msg), size, float64(size)/float64(len(msg)), codes)
			})
		})
	}
}
