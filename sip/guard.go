package sip

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"mediaserver/sip/guard"
)

// Offences that a source may be blamed for; also the reasons of bans.
const (
	offenceUnparsed  = "unparsable"      // no SIP
	offenceInvalid   = "invalid"         // a request that breaks the rules of SIP
	offenceForbidden = "forbidden"       // a request of a source that may not make it
	offenceUnknown   = "unknown_target"  // a call to nobody
	offenceDigest    = "bad_credentials" // phones: a wrong password or an unknown name
	offenceScanner   = "scanner"         // a program that looks for victims
	offenceFlood     = "flood"           // more unfinished calls than it may have
	offenceStalled   = "stalled"         // a connection that does not go on
)

// scannerWeight is how much more the packet of a known scanner counts: a few
// of them ban, one does not, for anybody can send it in anybody's name.
const scannerWeight = 5

// gate is the one place where it is decided who gets in: sources before their
// messages are read, requests outside dialogs when they are. The order is ban,
// rate, size, trunk by source, allow list, digest, refusal.
type gate struct {
	cfg     Defence
	open    bool // no limits at all
	rights  *rights
	watch   *guard.Guard
	pending *pending
	conns   crowd
	m       *Metrics
	quiet   *quietLog
	now     func() time.Time
}

func newGate(cfg Config, m *Metrics, quiet *quietLog, now func() time.Time) *gate {
	d := cfg.Defence.withDefaults()
	limits := guard.Config{
		PerSecond: d.PerSecond, Vouched: cfg.SourceRate, Failures: d.Failures,
		Window: d.Window, Ban: d.Ban, BanMax: d.BanMax, Sources: d.Sources, Strangers: d.Strangers,
	}
	if d.Off {
		limits.PerSecond, limits.Failures, limits.Strangers = cfg.SourceRate, -1, -1
	}
	if limits.PerSecond > limits.Vouched && limits.Vouched > 0 {
		limits.PerSecond = limits.Vouched
	}
	g := &gate{
		cfg: d, open: cfg.SourceRate < 0, rights: newRights(cfg.Access),
		watch:   guard.New(limits, now()),
		pending: newPending(d.Pending, d.PendingPerSource),
		conns:   crowd{each: make(map[netip.Addr]int)},
		m:       m, quiet: quiet, now: now,
	}
	m.watchBans(func() float64 { _, banned := g.watch.Count(now()); return float64(banned) })
	return g
}

// trusted: a source that is never banned and has no limit on its calls: one
// of a trunk, of the exempt list, or of an allow list that is not for all.
func (g *gate) trusted(a netip.Addr) bool {
	if holds(g.cfg.Exempt, a) {
		return true
	}
	access := g.rights.get()
	if access.trunkOf(a) != "" {
		return true
	}
	const explicit = 8 // bits; a shorter prefix is no list of somebody's own
	for _, p := range access.Allow {
		if p.Bits() >= explicit && p.Contains(a) {
			return true
		}
	}
	return false
}

// known: a source that may call, or has shown that it has business here.
func (g *gate) known(a netip.Addr) bool {
	return g.rights.get().allows(a) || g.trusted(a) || g.watch.Vouched(a, g.now())
}

// alien: a source that is not known, and that cannot log in either. All it
// hears of us is the refusal of an INVITE.
func (g *gate) alien(a netip.Addr) bool {
	return !g.cfg.Off && len(g.rights.get().Phones) == 0 && !g.known(a)
}

// admit decides about a message before it is read. It runs for every
// datagram: it does not allocate.
func (g *gate) admit(src source, now time.Time) bool {
	a := src.addr.Addr()
	if src.addr.Port() == 0 || nobody(a) {
		g.m.drop(dropSource) // an answer would go to everybody, or to nobody
		return false
	}
	if g.open {
		return true
	}
	a = bare(a)
	v := g.watch.Admit(a, now)
	if v == guard.Pass {
		return true
	}
	if v == guard.TooFast && g.watch.Vouched(a, now) {
		g.m.drop(dropRate)
		return false
	}
	if g.trusted(a) {
		// From now on it is known by its address alone.
		g.watch.Lift(a, now)
		g.watch.Vouch(a, now)
		return true
	}
	g.m.drop(v.String())
	return false
}

// nobody: an address that is not that of one host.
func nobody(a netip.Addr) bool { return a.IsMulticast() || a.IsUnspecified() || a == broadcast }

// broadcast is the address of all hosts of a network.
var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// welcome decides about a new connection.
func (g *gate) welcome(a netip.Addr) bool {
	a = bare(a)
	if g.open || !g.watch.Banned(a, g.now()) || g.trusted(a) {
		return true
	}
	g.m.drop(guard.Banned.String())
	return false
}

// blame notes an offence. proven says that its source cannot be forged, as
// that of a connection never can. Whom we have connected to is not blamed for speaking
// badly: he has not come to us.
func (g *gate) blame(src source, kind string, proven bool) {
	if src.dialled() && (kind == offenceUnparsed || kind == offenceStalled) {
		return
	}
	g.m.offence(kind)
	a := bare(src.addr.Addr())
	if g.open || g.cfg.Off || g.trusted(a) {
		return
	}
	o := guard.Offence{Kind: kind, Weight: 1, Proven: proven || src.conn != nil}
	if kind == offenceScanner {
		o.Weight = scannerWeight
	}
	if d := g.watch.Blame(a, o, g.now()); d > 0 {
		g.m.ban(kind)
		g.quiet.warn("SIP source banned", slog.String("source", a.String()),
			slog.String("reason", kind), slog.Int64("for_seconds", int64(d.Seconds())))
	}
}

// vouch notes that a source has shown what only the true owner of its address
// can know: a tag, branch or nonce of ours.
func (g *gate) vouch(src source) {
	if !g.open && !g.cfg.Off {
		g.watch.Vouch(bare(src.addr.Addr()), g.now())
	}
}

// vouched says whether a source has been vouched for.
func (g *gate) vouched(src source) bool {
	return g.watch.Vouched(bare(src.addr.Addr()), g.now())
}

// proven says whether answers to a source reach somebody who wants them.
func (g *gate) proven(src source) bool {
	return g.sure(src) || g.vouched(src)
}

// sure is proven without a look at what vouches for a source: others can send in its
// name all the same.
func (g *gate) sure(src source) bool {
	return g.open || g.cfg.Off || src.conn != nil || g.trusted(bare(src.addr.Addr()))
}

// judge decides about a request outside a dialog: trunk by source, allow
// list, digest, else 403. It notes in the request who sent it. nil lets the
// request in.
func (u *UA) judge(in *incoming) *refusal {
	access, addr := u.guard.rights.get(), bare(in.src.addr.Addr())
	in.trunk = access.trunkOf(addr)
	switch {
	case in.trunk != "":
		return nil
	case access.allows(addr) && !(len(access.Phones) > 0 && u.phones.challenger.credentialed(in.req)):
		return nil
	case len(access.Phones) == 0:
		u.guard.blame(in.src, offenceForbidden, false)
		return refuse(codeForbidden)
	}
	login, r := u.authenticate(in)
	in.login = login
	if r == nil {
		u.guard.vouch(in.src)
	}
	return r
}

// hostile takes the requests that get no answer at all: of scanners, and of
// those who have no business here. It says whether it was one.
func (u *UA) hostile(req *sipgo.Request, src source) bool {
	g := u.guard
	if g.open || g.cfg.Off {
		return false
	}
	a := bare(src.addr.Addr())
	switch {
	case scanner(req) && !g.trusted(a):
		g.m.drop(dropScanner)
		g.blame(src, offenceScanner, false)
		return true
	case req.Method == sipgo.INVITE && !g.cfg.Silent, req.Method == sipgo.ACK, !g.alien(a), u.inDialog(req):
		return false
	}
	g.m.drop(dropAlien)
	g.blame(src, offenceForbidden, false)
	return true
}

// inDialog: the request names a dialog by our tag, which its sender can only
// have from us, wherever it sends from.
func (u *UA) inDialog(req *sipgo.Request) bool {
	to, id := req.To(), req.CallID()
	if to == nil || id == nil {
		return false
	}
	tag, ok := param(to.Params, "tag")
	return ok && u.dialogs.find(dialogID{callID: id.Value(), localTag: tag}) != nil
}

// mute: an OPTIONS outside a dialog that is not to be answered.
func (u *UA) mute(in *incoming) bool {
	g := u.guard
	switch g.cfg.AnswerOptions {
	case AnswerAll:
		return false
	case AnswerNone:
	default:
		if g.open || g.cfg.Off || g.known(bare(in.src.addr.Addr())) {
			return false
		}
	}
	g.m.drop(dropOptions)
	return true
}

// scannerMarks are what programs that look for victims call themselves, in
// lower case. They can call themselves otherwise, and are then known by what
// they do.
func scannerMarks() [9]string {
	return [...]string{
		"friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan", "sipcli/", "vaxsipuseragent", "pplsip", "siparmyknife",
	}
}

// scanner says whether a request names its sender as a program that looks for
// victims.
func scanner(req *sipgo.Request) bool {
	if h := req.GetHeader("User-Agent"); h != nil && marked(h.Value()) {
		return true
	}
	from := req.From()
	return from != nil && from.DisplayName != "" && marked(from.DisplayName)
}

// scannerText is scanner for what could not be parsed.
func scannerText(data []byte) bool {
	const most = 2048 // bytes to look at
	return marked(string(data[:min(len(data), most)]))
}

func marked(s string) bool {
	s = strings.ToLower(s)
	for _, mark := range scannerMarks() {
		if strings.Contains(s, mark) {
			return true
		}
	}
	return false
}
