package restapi

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Limits of an answer.
const (
	maxActions = 200
	maxTokenV1 = 64 << 10 // [bytes]
	maxTokenV2 = 5000     // [characters]
)

// answer is the valid answer of a page.
type answer struct {
	actions  []listedAction
	token    *string  // nil = null or absent
	hasToken bool     // the answer said something about the token
	cipher   *cipher  // for the recording of the call, or nil
	base     *url.URL // what relative addresses in it are relative to
}

// listedAction is an action in its list.
type listedAction struct {
	action
	name    string
	path    string // its place, as actions[0].play
	answers bool   // an unanswered inbound call is answered before it
}

var answerProperties = properties[answer]{
	property[answer]{name: "actions", read: func(r *reader, n *node, a *answer) { a.actions = r.actionList(n) }},
	property[answer]{name: "token", read: func(r *reader, n *node, a *answer) { a.token = r.token(n) }},
	cipherProperty("call_recording_cipher", true, func(a *answer) **cipher { return &a.cipher }),
	property[answer]{name: "api_version", read: func(*reader, *node, *answer) {}}, // see apiVersion
}

// decodeAnswer reads and judges the whole answer of a page. The warnings say
// what was tolerated, also if the answer is at fault.
func decodeAnswer(body []byte, as rules) (*answer, []string, *ActionError) {
	a, r := readAnswerBody(body, as)
	if r.unsaid > 0 {
		r.warnings = append(r.warnings, fmt.Sprintf("and %d more like these", r.unsaid))
	}
	if r.first != nil {
		return nil, r.warnings, r.first
	}
	return a, r.warnings, nil
}

// readAnswerBody is decodeAnswer, with the reader for those who want to know
// where the fault is.
func readAnswerBody(body []byte, as rules) (*answer, *reader) {
	r := &reader{rules: as}
	doc, err := parseDocument(body)
	if err != nil {
		r.first = failure(CodeInvalidJSON, err, "%v", err)
		return nil, r
	}
	if doc.deep != nil {
		r.action = actionAt(doc.root, doc.deep.path)
		r.faultAt(doc.deep.path, doc.deep.pos, CodeLimitExceeded, "nested more than %d levels deep", maxNesting)
		r.action = ""
	}
	if doc.root.kind != object {
		return nil, r // nested too deeply to be read at all
	}
	a := &answer{}
	r.actionsPresent(&doc.root)
	r.apiVersion(&doc.root)
	a.hasToken = doc.root.child("token") != nil
	readObject(r, &doc.root, answerProperties, a)
	return a, r
}

// actionAt is the name of the action a path leads into, or "".
func actionAt(root node, path []segment) string {
	const steps = 3 // actions, index, name
	if len(path) < steps || path[0].key != "actions" {
		return ""
	}
	return path[2].key
}

// actionsPresent checks that there is a list of actions.
func (r *reader) actionsPresent(root *node) {
	r.enter(segment{key: "actions"})
	defer r.leave()
	m := root.child("actions")
	switch {
	case m == nil:
		r.fault(root.pos, CodeMissingActions, "is missing")
	case m.value.kind != array:
		r.fault(m.value.pos, CodeMissingActions, "is %v, not %v", m.value.kind, array)
	}
}

// apiVersion checks api_version against the service's version.
func (r *reader) apiVersion(root *node) {
	r.enter(segment{key: "api_version"})
	defer r.leave()
	speaks := Version1
	if r.version == v2 {
		speaks = Version2
	}
	m := root.child("api_version")
	if m == nil {
		if r.version == v2 {
			r.fault(root.pos, CodeVersionMismatch, "is missing; the service speaks %q", speaks)
		}
		return
	}
	v := &m.value
	switch {
	case v.kind == null && r.version == v1:
	case v.kind == text && r.version == v1 && (v.text == "1.0" || v.text == speaks):
	case v.kind == text && r.version == v2 && v.text == speaks:
	case v.kind == text:
		r.fault(v.pos, CodeVersionMismatch, "is %q; the service speaks %q", clip(v.text), speaks)
	default:
		r.fault(v.pos, CodeVersionMismatch, "is %v; the service speaks %q", v.kind, speaks)
	}
}

// token reads the token.
func (r *reader) token(n *node) *string {
	s, ok := r.string(n)
	if !ok {
		return nil
	}
	switch length := utf8.RuneCountInString(s); {
	case r.version == v2 && length > maxTokenV2:
		r.fault(n.pos, CodeInvalidValue, "has %d characters, more than %d", length, maxTokenV2)
		return nil
	case r.version == v1 && len(s) > maxTokenV1:
		r.fault(n.pos, CodeLimitExceeded, "has %d bytes, more than %d", len(s), maxTokenV1)
		return nil
	}
	s = strings.Clone(s) // it outlives the answer
	return &s
}

// actionList reads the list of actions. That it is a list has been checked.
func (r *reader) actionList(n *node) []listedAction {
	if n.kind != array {
		return nil
	}
	list := make([]listedAction, 0, min(len(n.children), maxActions))
	for i := range n.children {
		r.enter(segment{index: i})
		if i == maxActions {
			r.fault(n.children[i].keyPos, CodeLimitExceeded, "more than %d actions in a list", maxActions)
			r.leave()
			break
		}
		list = append(list, r.listedAction(&n.children[i].value))
		r.leave()
	}
	return list
}

// listedAction reads an element of the list: an object with the action as its
// one member.
func (r *reader) listedAction(n *node) listedAction {
	if n.kind != object {
		r.wrongType(n, object)
		return listedAction{}
	}
	if len(n.children) != 1 {
		r.fault(n.pos, CodeInvalidValue, "has %d members; an action is an object with exactly one", len(n.children))
		return listedAction{}
	}
	m := &n.children[0]
	r.action = m.key
	r.enter(segment{key: m.key})
	defer func() {
		r.leave()
		r.action = ""
	}()
	kind, known := actionTypeOf(m.key, r.version)
	a := listedAction{name: m.key, path: pathString(r.path), answers: kind.answers}
	switch {
	case !known:
		r.fault(m.keyPos, CodeUnknownAction, "there is no such action")
	case r.secondary && !kind.secondary:
		r.fault(m.keyPos, CodeActionNotAllowed, "not in a page of a secondary call")
	case kind.missing != "":
		r.fault(m.keyPos, CodeUnknownAction, "this server does not support %s", kind.missing)
	default:
		a.action = kind.read(r, &m.value)
	}
	return a
}

// needExtraCalls reports that the service does not allow the secondary calls an
// action needs.
func (r *reader) needExtraCalls(n *node, needed int) {
	if r.extraCalls < needed {
		r.fault(n.pos-1, CodeNoExtraCalls, "needs %d secondary calls, the service has extra_channels %d", needed, r.extraCalls)
	}
}
