package restapi

import "context"

// The modes of speech; one of them needs no engine for it.
const (
	speechTimeout  = "timeout" // the default
	speechAuto     = "auto"
	speechDisabled = "disabled"
)

// getInput asks the caller for digits; there is no speech engine.
type getInput struct {
	dialogue dialogue
	rules    inputRules
	mode     string // "" = at fault
	digits   bool
	nextPage Page
}

var getInputProperties = within(properties[dialogue]{promptProperty}, func(a *getInput) *dialogue { return &a.dialogue },
	choiceProperty("speech_input_mode", func(a *getInput) *string { return &a.mode }, speechTimeout, speechAuto, speechDisabled),
	ignoredObject[getInput]("speech_recognition_options"),
	boolProperty("digit_input_enabled", func(a *getInput) *bool { return &a.digits }),
	property[getInput]{name: "digit_input_options", read: func(r *reader, n *node, a *getInput) {
		if readObject(r, n, inputProperties, &a.rules) {
			r.endless(n, &a.rules)
		}
	}},
	pageProperty("next_page", func(a *getInput) *Page { return &a.nextPage }).must(v2),
)

func readGetInput(r *reader, n *node) action {
	a := &getInput{dialogue: noMessages(), rules: defaultInputRules(), digits: true}
	if !readObject(r, n, getInputProperties, a) {
		return a
	}
	if m := n.child("speech_input_mode"); m == nil || m.value.kind == null {
		a.mode = speechTimeout
	}
	if a.mode == speechTimeout || a.mode == speechAuto {
		r.enter(segment{key: "speech_input_mode"})
		r.fault(n.pos-1, CodeUnknownAction, "this server does not support speech recognition, which the mode %q needs", a.mode)
		r.leave()
		return a
	}
	if !a.digits {
		r.enter(segment{key: "digit_input_enabled"})
		r.fault(n.child("digit_input_enabled").value.pos, CodeInvalidValue, "with speech disabled too there is nothing to enter")
		r.leave()
	}
	return a
}

// run collects the digits. There are no messages: at the first mistake the
// following action runs.
func (a *getInput) run(ctx context.Context, s *step) (turn, error) {
	digits, complete, err := a.dialogue.run(ctx, s, a.rules.forCall(v2))
	if err != nil || !complete {
		return turn{}, err
	}
	return s.turnTo(a.nextPage, map[string]any{"entered_digits": digits}), nil
}
