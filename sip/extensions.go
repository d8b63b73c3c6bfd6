package sip

import (
	"errors"
	"fmt"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Option tags of the extensions this package speaks.
const (
	tagTimer    = "timer"      // RFC 4028
	tagReliable = "100rel"     // RFC 3262
	tagReplaces = "replaces"   // RFC 3891
	tagNoSub    = "norefersub" // RFC 4488
)

// ReliableMode says what is done about reliable provisional responses, RFC
// 3262.
type ReliableMode uint8

// The modes of reliable provisional responses.
const (
	// ReliableSupported sends them where the far end requires them, and
	// acknowledges those of the far end.
	ReliableSupported ReliableMode = iota
	// ReliableOff does neither, and refuses with 420 who requires them.
	ReliableOff
	// ReliableRequired asks for them in every INVITE, sends them to all who can
	// take them, and refuses with 421 who cannot.
	ReliableRequired
)

// String is the mode as the configuration writes it.
func (m ReliableMode) String() string {
	switch m {
	case ReliableSupported:
		return "supported"
	case ReliableOff:
		return "off"
	case ReliableRequired:
		return "required"
	default:
		return fmt.Sprintf("ReliableMode(%d)", uint8(m))
	}
}

// ParseReliableMode reads what String writes.
func ParseReliableMode(s string) (ReliableMode, error) {
	for _, m := range []ReliableMode{ReliableSupported, ReliableOff, ReliableRequired} {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("sip: %q is no mode of reliable provisional responses: want off, supported or required", s)
}

// MinSessionExpires is the shortest session interval there may be, RFC 4028
// §5.
const MinSessionExpires = 90 * time.Second

// Extensions are the parts of a Config that say what is asked of the far end
// beyond RFC 3261. Whatever they say, what the far end asks for is honoured.
type Extensions struct {
	SessionExpires time.Duration // session interval we ask for, whole seconds; 0 = none is asked for
	MinSE          time.Duration // shorter intervals are refused with 422; 0 = MinSessionExpires
	Reliable       ReliableMode
}

func (e Extensions) withDefaults() Extensions {
	if e.MinSE == 0 {
		e.MinSE = MinSessionExpires
	}
	return e
}

func (e Extensions) validate() error {
	var errs []error
	if e.MinSE != 0 && e.MinSE < MinSessionExpires {
		errs = append(errs, fmt.Errorf("sip: MinSE %v is below %v", e.MinSE, MinSessionExpires))
	}
	if e.SessionExpires != 0 && e.SessionExpires < max(e.MinSE, MinSessionExpires) {
		errs = append(errs, fmt.Errorf("sip: SessionExpires %v is below the shortest interval %v", e.SessionExpires, max(e.MinSE, MinSessionExpires)))
	}
	if e.Reliable > ReliableRequired {
		errs = append(errs, fmt.Errorf("sip: unknown %v", e.Reliable))
	}
	return errors.Join(errs...)
}

// supported is the value of our Supported.
func (e Extensions) supported() string {
	if e.Reliable == ReliableOff {
		return tagTimer + ", " + tagReplaces + ", " + tagNoSub
	}
	return tagTimer + ", " + tagReliable + ", " + tagReplaces + ", " + tagNoSub
}

// supportedWithin is that of our requests within a dialog: a re-INVITE does
// without provisional responses that want a PRACK, nobody hears them.
func (e Extensions) supportedWithin() string {
	e.Reliable = ReliableOff
	return e.supported()
}

// fields is what a message has that is asked for header fields.
type fields interface {
	GetHeaders(name string) []sipgo.Header
}

// values are the values of a header field.
func values(m fields, name string) []string {
	var vs []string
	for _, h := range m.GetHeaders(name) {
		vs = append(vs, strings.TrimSpace(h.Value()))
	}
	return vs
}

// lists says whether one of the values is a list with the word in it.
func lists(vs []string, word string) bool {
	for _, v := range vs {
		for item := range strings.SplitSeq(v, ",") {
			if equalFold(strings.TrimSpace(item), word) {
				return true
			}
		}
	}
	return false
}

// supports says whether the sender of a message knows an extension.
func supports(m fields, tag string) bool {
	return lists(values(m, "Supported"), tag) || requires(m, tag)
}

// requires says whether the sender of a message insists on an extension.
func requires(m fields, tag string) bool { return lists(values(m, "Require"), tag) }

// understood says whether an option tag is that of an extension we speak.
func understood(tag string) bool {
	for _, known := range []string{tagTimer, tagReliable, tagReplaces, tagNoSub} {
		if equalFold(tag, known) {
			return true
		}
	}
	return false
}
