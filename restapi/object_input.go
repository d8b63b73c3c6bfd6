package restapi

import (
	"time"

	"mediaserver/dtmf"
)

// Limits and defaults of inputs.
const (
	maxInputDigits          = 64
	defaultDigitSeconds     = 5
	maxDigitSeconds         = 60
	defaultInputSeconds     = 30
	maxInputSeconds         = 3600
	defaultInterDigitMillis = 5000
	maxInputMillis          = 3600_000
)

// inputRules say which digits make an input, and how much time there is.
type inputRules struct {
	count      int        // 0 = until end
	end        dtmf.Digit // 0 = none
	help       dtmf.Digit // 0 = none
	valid      dtmf.Set
	perDigit   int  // version 1 [s]
	total      int  // version 2 [s]; 0 = take what is there
	interDigit int  // version 2 [ms]; ≤ 0 = no bound
	initial    *int // version 2 [ms]; nil = interDigit
}

func defaultInputRules() inputRules {
	valid, _ := dtmf.ParseSet("0123456789")
	return inputRules{
		end: '#', help: '*', valid: valid,
		perDigit: defaultDigitSeconds, total: defaultInputSeconds, interDigit: defaultInterDigitMillis,
	}
}

var inputProperties = properties[inputRules]{
	intProperty("digit_count", 0, maxInputDigits, func(i *inputRules) *int { return &i.count }),
	digitProperty("end_digit", func(i *inputRules) *dtmf.Digit { return &i.end }),
	property[inputRules]{name: "valid_digits", read: func(r *reader, n *node, i *inputRules) {
		set, ok := r.digits(n)
		switch {
		case !ok:
		case set == 0:
			r.fault(n.pos, CodeInvalidValue, "there is no digit in it")
		default:
			i.valid = set
		}
	}},
	digitProperty("help_digit", func(i *inputRules) *dtmf.Digit { return &i.help }),
	intProperty("seconds_timeout", 0, maxInputSeconds, func(i *inputRules) *int { return &i.total }).in(v2),
	intProperty("milliseconds_inter_digit_timeout", -maxInputMillis, maxInputMillis, func(i *inputRules) *int { return &i.interDigit }).in(v2),
	intProperty("milliseconds_initial_timeout", -maxInputMillis, maxInputMillis, func(i *inputRules) *int {
		i.initial = new(int)
		return i.initial
	}).in(v2),
}

// digits reads a set of digits; "" is none.
func (r *reader) digits(n *node) (dtmf.Set, bool) {
	s, ok := r.string(n)
	if !ok {
		return 0, false
	}
	set, ok := dtmf.ParseSet(s)
	if !ok {
		r.fault(n.pos, CodeInvalidValue, "%q holds something else than digits", clip(s))
	}
	return set, ok
}

// endless reports an input of n that neither a number of digits nor an end
// digit completes.
func (r *reader) endless(n *node, i *inputRules) {
	end := n.child("end_digit")
	if i.count > 0 || i.end != 0 || end == nil {
		return
	}
	r.enter(segment{key: end.key})
	r.fault(end.value.pos, CodeInvalidValue, "without an end digit digit_count must be set")
	r.leave()
}

// forCall are the rules as calls know them.
func (i *inputRules) forCall(v version) dtmf.Rules {
	rules := dtmf.Rules{Count: i.count, End: i.end, Help: i.help, Valid: i.valid}
	if v == v1 {
		rules.Initial = time.Duration(i.perDigit) * time.Second
		rules.InterDigit = rules.Initial
		return rules
	}
	rules.Total = time.Duration(i.total) * time.Second
	rules.AtOnce = i.total == 0
	rules.InterDigit = time.Duration(i.interDigit) * time.Millisecond
	rules.Initial = rules.InterDigit
	if i.initial != nil {
		rules.Initial = time.Duration(*i.initial) * time.Millisecond
	}
	return rules
}

// within are the properties of a part as properties of the whole.
func within[T, U any](part properties[U], of func(*T) *U, more ...property[T]) properties[T] {
	whole := make(properties[T], 0, len(part)+len(more))
	for _, p := range part {
		whole = append(whole, property[T]{
			name: p.name, versions: p.versions, required: p.required,
			read: func(r *reader, n *node, v *T) { p.read(r, n, of(v)) },
		})
	}
	return append(whole, more...)
}
