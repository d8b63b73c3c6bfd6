package restapi

import (
	"context"

	"mediaserver/dtmf"
)

// maxMenuOptions is how many options a menu has at most: one for each digit.
const maxMenuOptions = dtmf.NumDigits

// runMenu has the caller choose by a digit.
type runMenu struct {
	dialogue dialogue
	options  []menuOption
	help     dtmf.Digit // 0 = none
	seconds  int        // for a digit
}

// menuOption is a page for a digit.
type menuOption struct {
	digit    dtmf.Digit
	nextPage Page
}

var menuOptionProperties = properties[menuOption]{
	property[menuOption]{name: "digit", read: func(r *reader, n *node, o *menuOption) {
		d, ok := r.digit(n)
		switch {
		case !ok:
		case d == 0:
			r.fault(n.pos, CodeInvalidValue, "%q is not a single digit", "")
		default:
			o.digit = d
		}
	}}.must(both),
	pageProperty("next_page", func(o *menuOption) *Page { return &o.nextPage }).must(both),
}

var runMenuProperties = within(dialogueProperties, func(a *runMenu) *dialogue { return &a.dialogue },
	property[runMenu]{name: "menu_options", read: func(r *reader, n *node, a *runMenu) { a.options = r.menuOptions(n) }}.must(both),
	digitProperty("help_digit", func(a *runMenu) *dtmf.Digit { return &a.help }),
	intProperty("seconds_digit_timeout", 1, maxDigitSeconds, func(a *runMenu) *int { return &a.seconds }),
)

func readRunMenu(r *reader, n *node) action {
	a := &runMenu{help: '*', seconds: defaultDigitSeconds}
	readObject(r, n, runMenuProperties, a)
	return a
}

// menuOptions reads the options of a menu, whose digits are unique.
func (r *reader) menuOptions(n *node) []menuOption {
	switch {
	case n.kind != array:
		r.wrongType(n, array)
		return nil
	case len(n.children) == 0 || len(n.children) > maxMenuOptions:
		r.fault(n.pos, CodeInvalidValue, "has %d options, not 1 to %d", len(n.children), maxMenuOptions)
		return nil
	}
	var list []menuOption
	var taken dtmf.Set
	for i := range n.children {
		r.enter(segment{index: i})
		o, v := menuOption{}, &n.children[i].value
		readObject(r, v, menuOptionProperties, &o)
		if taken.Has(o.digit) {
			r.enter(segment{key: "digit"})
			r.fault(v.child("digit").value.pos, CodeInvalidValue, "%q has an option before", o.digit.String())
			r.leave()
		}
		taken |= dtmf.NewSet(o.digit)
		list = append(list, o)
		r.leave()
	}
	return list
}

// rules are those for a single digit. An option goes before help.
func (a *runMenu) rules() dtmf.Rules {
	rules := inputRules{count: 1, help: a.help, perDigit: a.seconds}
	for _, o := range a.options {
		rules.valid |= dtmf.NewSet(o.digit)
	}
	if rules.valid.Has(a.help) {
		rules.help = 0
	}
	return rules.forCall(v1)
}

// run has the caller choose. Whoever fails too often chooses nothing, and the
// following action runs.
func (a *runMenu) run(ctx context.Context, s *step) (turn, error) {
	digits, complete, err := a.dialogue.run(ctx, s, a.rules())
	if err != nil || !complete {
		return turn{}, err
	}
	for _, o := range a.options {
		if o.digit.String() == digits {
			return s.turnTo(o.nextPage, map[string]any{"selected_digit": digits}), nil
		}
	}
	return turn{}, nil
}
