package sip

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// longestTTL is for how long an answer of the DNS is kept at most, and
	// longestNone one that says that there is nothing (RFC 2308 §5).
	longestTTL  = time.Hour
	longestNone = 5 * time.Minute
	// maxDNSKept is how much of answers is kept, with keptAnswerCost for each [bytes].
	maxDNSKept     = 1 << 20
	keptAnswerCost = 256
)

// keptAnswer is an answer of the DNS that is given again until its time is over.
type keptAnswer struct {
	message []byte
	until   time.Time
}

func newKeptAnswers(now func() time.Time) *memory[string, keptAnswer] {
	m := newMemory[string, keptAnswer](longestTTL, maxDNSKept, now)
	m.weigh = func(a keptAnswer) int { return keptAnswerCost + len(a.message) }
	return m
}

// exchange answers a query: by what is known of earlier ones, as long as that holds
// (RFC 1035 §3.2.1), else by a name server.
func (r *resolver) exchange(ctx context.Context, network string, server netip.AddrPort, query []byte) ([]byte, error) {
	question, err := questionOf(query)
	if err != nil {
		return nil, err
	}
	key := strings.ToLower(question.Name.String()) + " " + question.Type.String()
	if known, ok := r.kept.get(key); ok && r.now().Before(known.until) {
		answer := bytes.Clone(known.message)
		copy(answer, query[:2]) // its number
		return answer, nil
	}
	answer, err := dnsExchange(ctx, network, server, query)
	if err != nil {
		return nil, err
	}
	if ttl := lifeOf(answer, question.Type); ttl > 0 {
		r.kept.put(key, keptAnswer{bytes.Clone(answer), r.now().Add(ttl)})
	}
	return answer, nil
}

// questionOf is what a query or an answer is about.
func questionOf(message []byte) (dnsmessage.Question, error) {
	var p dnsmessage.Parser
	if _, err := p.Start(message); err != nil {
		return dnsmessage.Question{}, err
	}
	return p.Question()
}

// lifeOf is for how long an answer holds; 0: it is not to be kept.
func lifeOf(answer []byte, asked dnsmessage.Type) time.Duration {
	var p dnsmessage.Parser
	h, err := p.Start(answer)
	if err != nil || h.Truncated || p.SkipAllQuestions() != nil ||
		h.RCode != dnsmessage.RCodeSuccess && h.RCode != dnsmessage.RCodeNameError {
		return 0
	}
	life, found := longestTTL, false
	for {
		rh, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil || p.SkipAnswer() != nil {
			return 0
		}
		life, found = min(life, time.Duration(rh.TTL)*time.Second), found || rh.Type == asked
	}
	if !found {
		life = min(life, longestNone, noneLife(&p))
	}
	return life
}

// noneLife is for how long an answer holds that there is nothing: as the SOA behind
// it says, 0 without one (RFC 2308 §5).
func noneLife(p *dnsmessage.Parser) time.Duration {
	for {
		rh, err := p.AuthorityHeader()
		if err != nil {
			return 0
		}
		if rh.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return 0
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return 0
		}
		return time.Duration(min(rh.TTL, soa.MinTTL)) * time.Second
	}
}

// dial stands in for the connection of Go's resolver to a name server.
func (r *resolver) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if len(r.servers) > 0 {
		address = r.servers[int(r.turn.Add(1)-1)%len(r.servers)].String()
	}
	server, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return &dnsConn{exchange: func(query []byte) ([]byte, error) { return r.exchange(ctx, network, server, query) }}, nil
}

// dnsConn is what a net.Resolver asks in the form that the DNS has over TCP: a
// question is written with its length in front, its answer is read in the same way.
// The context of who made it bounds its time.
type dnsConn struct {
	exchange func(query []byte) ([]byte, error)
	answer   bytes.Buffer
}

// Write asks.
func (c *dnsConn) Write(b []byte) (int, error) {
	const length = 2 // bytes in front
	if len(b) < length || int(binary.BigEndian.Uint16(b)) != len(b)-length {
		return 0, errDNS
	}
	answer, err := c.exchange(b[length:])
	if err != nil {
		return 0, err
	}
	c.answer.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
	c.answer.Write(answer)
	return len(b), nil
}

// Read reads of the answer.
func (c *dnsConn) Read(b []byte) (int, error) { return c.answer.Read(b) }

// Close and the rest of net.Conn have nothing to do.
func (c *dnsConn) Close() error { return nil }

// LocalAddr is none.
func (c *dnsConn) LocalAddr() net.Addr { return nil }

// RemoteAddr is none.
func (c *dnsConn) RemoteAddr() net.Addr { return nil }

// SetDeadline does nothing: the context has the same deadline.
func (c *dnsConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (c *dnsConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (c *dnsConn) SetWriteDeadline(time.Time) error { return nil }
