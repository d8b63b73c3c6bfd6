package config

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one key of a struct, as its tags declare it.
type field struct {
	name        string
	index       []int // reflect path; more than one element through an inlined struct
	low, high   int   // of a whole number
	hasRange    bool
	values      []string // allowed texts, nil for any
	laterValues []string
	later       string // the feature that brings the key, "" when it is here
	secret      bool
}

// fieldsOf lists the keys of a struct in order.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("yaml")
		switch tag {
		case "-":
		case ",inline":
			for _, inner := range fieldsOf(sf.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
		default:
			fields = append(fields, fieldOf(i, tag, sf.Tag))
		}
	}
	return fields
}

// fieldOf reads the tags of one struct field.
func fieldOf(i int, name string, tag reflect.StructTag) field {
	f := field{name: name, index: []int{i}, later: tag.Get("later"), secret: tag.Get("secret") == "true"}
	if low, high, ok := strings.Cut(tag.Get("range"), ".."); ok {
		f.low, _ = strconv.Atoi(low)
		f.high, _ = strconv.Atoi(high)
		f.hasRange = true
	}
	if v := tag.Get("enum"); v != "" {
		f.values = strings.Split(v, "|")
	}
	if v := tag.Get("later_values"); v != "" {
		f.laterValues = strings.Split(v, "|")
	}
	return f
}

// available are the allowed texts of this version.
func (f field) available() []string {
	var out []string
	for _, v := range f.values {
		if !slices.Contains(f.laterValues, v) {
			out = append(out, v)
		}
	}
	return out
}

// isSection says whether a type is a map of keys of its own (Page is not: it
// may be a text).
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Page]() && t != reflect.TypeFor[netip.Prefix]()
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Key describes one key of the configuration for the documentation.
type Key struct {
	Path    string // with [] for the elements of a list: services[].name
	Default string // as flow YAML
	Later   bool   // only the default is accepted in this version
}

// Keys lists every key that holds a value, in the order of the file.
func Keys() []Key {
	return keysOf(reflect.ValueOf(*Default()), "", false)
}

func keysOf(v reflect.Value, path string, later bool) []Key {
	var keys []Key
	for _, f := range fieldsOf(v.Type()) {
		fv := v.FieldByIndex(f.index)
		p := join(path, f.name)
		isLater := later || f.later != ""
		if isSection(fv.Type()) {
			keys = append(keys, keysOf(fv, p, isLater)...)
			continue
		}
		keys = append(keys, Key{Path: p, Default: flow(fv), Later: isLater})
		if fv.Kind() == reflect.Slice && isSection(fv.Type().Elem()) {
			keys = append(keys, keysOf(newElement(fv.Type().Elem()), p+"[]", isLater)...)
		}
	}
	return keys
}

// newElement is a list element with its defaults; it can be set.
func newElement(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if d, ok := p.Interface().(interface{ setDefaults() }); ok {
		d.setDefaults()
	}
	return p.Elem()
}
