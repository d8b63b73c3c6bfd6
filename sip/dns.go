package sip

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	dnsPort      = 53
	dnsTimeout   = time.Second     // of one try
	naptrTimeout = 3 * time.Second // of all tries for NAPTR: SRV is the next best
	dnsTries     = 2               // at each server
	maxNAPTR     = 16              // records looked at
	maxSRV       = 32
	maxDNSAnswer = 4096 // bytes of a datagram; TCP has up to 64 KiB
	typeNAPTR    = dnsmessage.Type(35)
	resolvConf   = "/etc/resolv.conf"
	maxServers   = 3
)

var errDNS = errors.New("sip: no usable answer of the DNS")

// resolver asks the DNS. SRV, A and AAAA go by Go's resolver, so that the
// hosts file and what else the system knows counts; NAPTR, which that cannot,
// is asked here. What both ask the DNS for goes by exchange, which keeps the answers.
type resolver struct {
	servers []netip.AddrPort // nil = those of the system
	std     *net.Resolver
	turn    atomic.Uint32 // of the servers, for std
	kept    *memory[string, keptAnswer]
	now     func() time.Time
}

func newResolver(servers []netip.AddrPort, now func() time.Time) *resolver {
	r := &resolver{servers: servers, kept: newKeptAnswers(now), now: now}
	r.std = &net.Resolver{PreferGo: len(servers) > 0, Dial: r.dial}
	return r
}

// srv are the records of a name by priority, and at random by weight among
// equals (RFC 2782). The name is a whole one: the system's search list would ask
// for it below domains that have nothing to do with it.
func (r *resolver) srv(ctx context.Context, name string) ([]*net.SRV, error) {
	_, records, err := r.std.LookupSRV(ctx, "", "", rooted(name))
	return records[:min(len(records), maxSRV)], err
}

// rooted is a name that is looked up as it is.
func rooted(name string) string { return strings.TrimSuffix(name, ".") + "." }

func (r *resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	return r.std.LookupNetIP(ctx, "ip", host)
}

// naptr is a record of RFC 3403 §4.
type naptr struct {
	order, preference uint16
	flags, service    string
	replacement       string // without the final dot
}

// naptr are the NAPTR records of a domain in their order; none if the DNS has
// none or does not answer: then SRV is what is left (RFC 3263 §4.1).
func (r *resolver) naptr(ctx context.Context, domain string) []naptr {
	servers := r.servers
	if len(servers) == 0 {
		servers = systemServers(resolvConf)
	}
	ctx, done := context.WithTimeout(ctx, naptrTimeout)
	defer done()
	for range dnsTries {
		for _, s := range servers {
			if ctx.Err() != nil {
				return nil
			}
			if records, err := r.askNAPTR(ctx, s, domain); err == nil {
				return records
			}
		}
	}
	return nil
}

// systemServers reads the name servers of a resolv.conf.
func systemServers(file string) []netip.AddrPort {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var servers []netip.AddrPort
	for s := bufio.NewScanner(f); s.Scan() && len(servers) < maxServers; {
		words := strings.Fields(s.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(a, dnsPort))
		}
	}
	return servers
}

// askNAPTR asks one server, over TCP if its answer does not fit a datagram.
func (r *resolver) askNAPTR(ctx context.Context, server netip.AddrPort, domain string) ([]naptr, error) {
	ctx, done := context.WithTimeout(ctx, dnsTimeout)
	defer done()
	id := uint16(rand.Uint32())
	query, question, err := naptrQuery(id, domain)
	if err != nil {
		return nil, err
	}
	for _, network := range []string{"udp", "tcp"} {
		answer, err := r.exchange(ctx, network, server, query)
		if err != nil {
			return nil, err
		}
		records, truncated, err := readNAPTR(answer, id, question)
		if !truncated || err != nil {
			return records, err
		}
	}
	return nil, errDNS
}

func naptrQuery(id uint16, domain string) ([]byte, dnsmessage.Question, error) {
	name, err := dnsmessage.NewName(rooted(domain))
	if err != nil {
		return nil, dnsmessage.Question{}, err
	}
	q := dnsmessage.Question{Name: name, Type: typeNAPTR, Class: dnsmessage.ClassINET}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{q},
	}
	b, err := m.Pack()
	return b, q, err
}

// dnsExchange sends a query and reads its answer.
func dnsExchange(ctx context.Context, network string, server netip.AddrPort, query []byte) ([]byte, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(end); err != nil {
			return nil, err
		}
	}
	if network == "udp" {
		if _, err := c.Write(query); err != nil {
			return nil, err
		}
		buf := make([]byte, maxDNSAnswer)
		for {
			n, err := c.Read(buf)
			if err != nil || answers(buf[:n], query) {
				return buf[:n], err
			}
		}
	}
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, answer); err != nil {
		return nil, err
	}
	if !answers(answer, query) {
		return nil, errDNS
	}
	return answer, nil
}

// answers: a message has the number and the question of the query. A datagram that
// has not may be from somebody who wants to be believed, and the true one is still
// to come.
func answers(message, query []byte) bool {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || !h.Response || !bytes.Equal(message[:2], query[:2]) {
		return false
	}
	asked, err := questionOf(query)
	if err != nil {
		return false
	}
	q, err := p.Question()
	return err == nil && q.Type == asked.Type && q.Class == asked.Class && equalFold(q.Name.String(), asked.Name.String())
}

// readNAPTR reads an answer; what does not belong to the question is an error.
func readNAPTR(answer []byte, id uint16, question dnsmessage.Question) (records []naptr, truncated bool, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(answer)
	if err != nil {
		return nil, false, err
	}
	if h.ID != id || !h.Response {
		return nil, false, errDNS
	}
	q, err := p.Question()
	if err != nil || q.Type != question.Type || q.Class != question.Class || !equalFold(q.Name.String(), question.Name.String()) {
		return nil, false, errDNS
	}
	switch {
	case h.RCode == dnsmessage.RCodeNameError:
		return nil, false, nil
	case h.RCode != dnsmessage.RCodeSuccess:
		return nil, false, fmt.Errorf("%w: %s", errDNS, h.RCode)
	case h.Truncated:
		return nil, true, nil
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, false, err
	}
	for len(records) < maxNAPTR {
		rh, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, false, err
		}
		if rh.Type != typeNAPTR {
			if err := p.SkipAnswer(); err != nil {
				return nil, false, err
			}
			continue
		}
		raw, err := p.UnknownResource()
		if err != nil {
			return nil, false, err
		}
		if r, ok := parseNAPTR(raw.Data); ok {
			records = append(records, r)
		}
	}
	slices.SortStableFunc(records, func(a, b naptr) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference))
	})
	return records, false, nil
}

// parseNAPTR reads the data of a record. Records with a regular expression are
// of no use for SIP (RFC 3263 §4.1).
func parseNAPTR(b []byte) (r naptr, ok bool) {
	if len(b) < 4 {
		return r, false
	}
	r.order, r.preference = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[4:]
	var texts [3]string
	for i := range texts {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return r, false
		}
		texts[i], b = string(b[1:1+b[0]]), b[1+b[0]:]
	}
	r.flags, r.service = texts[0], texts[1]
	var labels []string
	for len(b) > 0 && b[0] != 0 {
		n := int(b[0])
		if n > 63 || len(b) < 1+n { // compressed names are not allowed here
			return r, false
		}
		labels, b = append(labels, string(b[1:1+n])), b[1+n:]
	}
	r.replacement = strings.Join(labels, ".")
	return r, len(b) == 1 && texts[2] == "" && len(r.replacement) <= 255
}
