package restapi

import "context"

// getNumber asks the caller for a number.
type getNumber struct {
	dialogue dialogue
	rules    inputRules
	nextPage Page
}

var getNumberProperties = within(dialogueProperties, func(a *getNumber) *dialogue { return &a.dialogue },
	within(inputProperties, func(a *getNumber) *inputRules { return &a.rules },
		intProperty("seconds_digit_timeout", 1, maxDigitSeconds, func(a *getNumber) *int { return &a.rules.perDigit }).in(v1),
		pageProperty("next_page", func(a *getNumber) *Page { return &a.nextPage }).must(v2),
	)...)

func readGetNumber(r *reader, n *node) action {
	a := &getNumber{rules: defaultInputRules()}
	if readObject(r, n, getNumberProperties, a) {
		r.endless(n, &a.rules)
	}
	return a
}

// run collects the number. Whoever fails too often has no result, and the
// following action runs.
func (a *getNumber) run(ctx context.Context, s *step) (turn, error) {
	digits, complete, err := a.dialogue.run(ctx, s, a.rules.forCall(s.in.service.version()))
	if err != nil || !complete {
		return turn{}, err
	}
	return s.turnTo(a.nextPage, map[string]any{"entered_number": digits}), nil
}

// turnTo is the turn of an action with a result: without a page the result is
// dropped and the following action runs.
func (s *step) turnTo(page Page, result map[string]any) turn {
	return turn{page: page, result: &actionResult{Action: s.action.name, Result: result}}
}
