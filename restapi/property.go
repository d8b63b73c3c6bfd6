package restapi

import "mediaserver/dtmf"

// property is one row of the table that describes an object: its name, the
// versions it belongs to, and how it is read into a T. The T holds the
// defaults before anything is read.
type property[T any] struct {
	name     string
	versions version // that know it; 0 = both
	required version // that need it; 0 = none
	read     func(r *reader, n *node, v *T)
}

// properties is the table of an object.
type properties[T any] []property[T]

// find is the row for a key, if the version knows it.
func (t properties[T]) find(key string, v version) (property[T], bool) {
	for _, p := range t {
		if p.name == key && (p.versions == 0 || p.versions&v != 0) {
			return p, true
		}
	}
	return property[T]{}, false
}

// in is the property for one version only.
func (p property[T]) in(v version) property[T] {
	p.versions = v
	return p
}

// must is the property as one that v needs.
func (p property[T]) must(v version) property[T] {
	p.required = v
	return p
}

// readObject reads an object by its table into v. Missing properties are at
// fault where the object begins.
func readObject[T any](r *reader, n *node, table properties[T], v *T) bool {
	if n.kind != object {
		r.wrongType(n, object)
		return false
	}
	for i := range n.children {
		m := &n.children[i]
		r.enter(segment{key: m.key})
		readMember(r, m, table, v)
		r.leave()
	}
	for _, p := range table {
		if p.required&r.version != 0 && n.child(p.name) == nil {
			r.enter(segment{key: p.name})
			r.fault(n.pos, CodeMissingProperty, "is required")
			r.leave()
		}
	}
	return true
}

// readMember reads one member of an object. null is the default, if there is
// one.
func readMember[T any](r *reader, m *member, table properties[T], v *T) {
	p, known := table.find(m.key, r.version)
	switch {
	case !known && r.strict:
		r.fault(m.keyPos, CodeUnknownProperty, "is not a known property")
	case !known:
		r.warn("is not a known property and is ignored")
	case m.value.kind == null && p.required&r.version != 0:
		r.fault(m.value.pos, CodeMissingProperty, "is required and null")
	case m.value.kind == null:
	default:
		p.read(r, &m.value, v)
	}
}

// boolProperty is true or false.
func boolProperty[T any](name string, field func(*T) *bool) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		if b, ok := r.bool(n); ok {
			*field(v) = b
		}
	}}
}

// intProperty is a whole number from lo to hi.
func intProperty[T any](name string, lo, hi int, field func(*T) *int) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		if i, ok := r.integer(n, lo, hi); ok {
			*field(v) = i
		}
	}}
}

// stringProperty is any text.
func stringProperty[T any](name string, field func(*T) *string) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		if s, ok := r.string(n); ok {
			*field(v) = s
		}
	}}
}

// choiceProperty is one of a few words.
func choiceProperty[T any](name string, field func(*T) *string, choices ...string) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		if s, ok := r.oneOf(n, choices...); ok {
			*field(v) = s
		}
	}}
}

// digitProperty is one digit or none.
func digitProperty[T any](name string, field func(*T) *dtmf.Digit) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		if d, ok := r.digit(n); ok {
			*field(v) = d
		}
	}}
}

// ignoredObject is an object whose members do not matter.
func ignoredObject[T any](name string) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, _ *T) {
		if n.kind != object {
			r.wrongType(n, object)
		}
	}}
}
