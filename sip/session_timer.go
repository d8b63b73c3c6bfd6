package sip

import (
	"strconv"
	"strings"
	"time"
)

// refresher is the side of a transaction that keeps a session alive, RFC 4028
// §4: uac is the one that sent the request which the message belongs to.
type refresher uint8

const (
	refresherAny refresher = iota // not said
	refresherUAC
	refresherUAS
)

func (r refresher) String() string {
	switch r {
	case refresherUAC:
		return "uac"
	case refresherUAS:
		return "uas"
	default:
		return ""
	}
}

// timerTerms are what a message says of the session's interval.
type timerTerms struct {
	expires   uint32    // Session-Expires [s]; 0 = none
	refresher refresher // of it
	min       uint32    // Min-SE [s]; 0 = none
	supported bool      // the sender knows session timers
}

// readTimerTerms reads Session-Expires, Min-SE and Supported. false: they are
// not as RFC 4028 §4 and §5 want them.
func readTimerTerms(m fields) (t timerTerms, ok bool) {
	t.supported = supports(m, tagTimer)
	if vs := values(m, "Session-Expires"); len(vs) > 0 {
		number, params, _ := strings.Cut(vs[0], ";")
		if t.expires, ok = deltaSeconds(number); !ok || t.expires == 0 || len(vs) > 1 {
			return t, false
		}
		for p := range strings.SplitSeq(params, ";") {
			name, value, _ := strings.Cut(p, "=")
			if !equalFold(strings.TrimSpace(name), "refresher") {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(value)) {
			case "uac":
				t.refresher = refresherUAC
			case "uas":
				t.refresher = refresherUAS
			default:
				return t, false
			}
		}
	}
	if vs := values(m, "Min-SE"); len(vs) > 0 {
		number, _, _ := strings.Cut(vs[0], ";")
		if t.min, ok = deltaSeconds(number); !ok {
			return t, false
		}
	}
	return t, true
}

// maxDelta is the longest interval that is taken as it is [s]: ten days.
const maxDelta = 10 * 24 * 3600

// deltaSeconds reads a number of seconds; what is larger than maxDelta counts
// as that.
func deltaSeconds(s string) (uint32, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return maxDelta, true // too many digits
	}
	return uint32(min(n, maxDelta)), true
}

// agreement is what two sides have settled for a session; the zero value is
// that it has no end.
type agreement struct {
	expires uint32 // [s]
	ours    bool   // we refresh
}

// timerPolicy is what we want, both in seconds.
type timerPolicy struct{ ask, min uint32 }

func (e Extensions) policy() timerPolicy {
	return timerPolicy{ask: uint32(e.SessionExpires / time.Second), min: uint32(e.MinSE / time.Second)}
}

// judge is the reaction to a request as UAS, RFC 4028 §9: what is agreed, with
// the header fields of the 2xx that say it, or a refusal.
func (p timerPolicy) judge(req timerTerms) (agreement, []Header, *refusal) {
	if req.expires != 0 && req.expires < p.min && req.supported {
		return agreement{}, nil, refuse(codeInterval, Header{"Min-SE", strconv.Itoa(int(p.min))})
	}
	want := req.expires
	if p.ask != 0 && (want == 0 || p.ask < want) {
		if least := max(p.ask, req.min); want == 0 || least < want {
			want = least
		}
	}
	if want == 0 {
		return agreement{}, nil, nil
	}
	who := req.refresher
	switch {
	case !req.supported:
		who, want = refresherUAS, max(want, leastExpires) // nobody else can
	case who == refresherAny:
		who = refresherUAC
	}
	h := []Header{sessionExpires(want, who)}
	if req.supported {
		h = append(h, Header{"Require", tagTimer})
	}
	return agreement{expires: want, ours: who == refresherUAS}, h, nil
}

// leastExpires is the shortest interval that is followed [s], of a 2xx or of a caller
// that a 422 cannot be sent to. A far end that asks for less sees refreshes too late,
// and should not have named less than the 90 s of RFC 4028 §5.
const leastExpires = 30

// agreed is what a 2xx to a request of ours settles, RFC 4028 §7.2. A 2xx that
// names no refresher leaves it to us.
func agreed(res timerTerms) agreement {
	if res.expires == 0 {
		return agreement{}
	}
	return agreement{expires: max(res.expires, leastExpires), ours: res.refresher != refresherUAS}
}

func sessionExpires(seconds uint32, who refresher) Header {
	v := strconv.FormatUint(uint64(seconds), 10)
	if who != refresherAny {
		v += ";refresher=" + who.String()
	}
	return Header{"Session-Expires", v}
}

// interval is how long a session lasts without a refresh.
func (t Timers) interval(seconds uint32) time.Duration { return time.Duration(seconds) * t.second }

// farewellBefore is how long before the end of its interval a session is hung
// up that was not refreshed, RFC 4028 §10 [s].
const farewellBefore = 32

// deadline is when a session is given up, from the last refresh on: 32 s or a
// third of the interval before its end.
func (a agreement) deadline(t Timers) time.Duration {
	return t.interval(a.expires) - min(t.interval(farewellBefore), t.interval(a.expires)/3)
}
