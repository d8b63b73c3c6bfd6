package config

import (
	"reflect"
	"slices"
	"strings"
)

// EnvPrefix begins the name of every variable that overrides a key.
const EnvPrefix = "MEDIASERVER_"

// EnvName is the variable that overrides a key, by the path of the key.
func EnvName(path string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// envKey is a key that a variable can set: not inside a list.
type envKey struct {
	path  string
	index []int // reflect path from Config
	field field
}

// envKeys maps the name of each variable to its key. Resolving by this table
// makes keys that hold an underscore unambiguous.
func envKeys(t reflect.Type, path string, index []int) map[string]envKey {
	keys := map[string]envKey{}
	for _, f := range fieldsOf(t) {
		p := join(path, f.name)
		at := append(slices.Clone(index), f.index...)
		keys[EnvName(p)] = envKey{path: p, index: at, field: f}
		ft := t.FieldByIndex(f.index).Type
		if isSection(ft) {
			for name, k := range envKeys(ft, p, at) {
				keys[name] = k
			}
		}
	}
	return keys
}

// override applies the variables of the environment to the configuration. A
// section is applied before the keys inside it.
func (d *decoder) override(cfg *Config, environ []string) {
	keys := envKeys(reflect.TypeFor[Config](), "", nil)
	type setting struct{ name, value string }
	var settings []setting
	for _, e := range environ {
		name, value, ok := strings.Cut(e, "=")
		if ok && strings.HasPrefix(name, EnvPrefix) {
			settings = append(settings, setting{name, value})
		}
	}
	slices.SortStableFunc(settings, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	for _, s := range settings {
		place := Place{Env: s.name}
		key, ok := keys[s.name]
		if !ok && ofKubernetes(s.name, environ) {
			continue
		}
		if !ok {
			d.problems = append(d.problems, Problem{Place: place, Message: "no key has this variable" + suggestVariable(s.name, keys)})
			continue
		}
		v := reflect.ValueOf(cfg).Elem().FieldByIndex(key.index)
		d.forget(key.path)
		if n := d.envNode(v, s.value, place, key.path); n != nil {
			d.value(n, v, key.field, key.path)
		}
	}
}

// ofKubernetes says whether Kubernetes has set a variable in each container, to tell of
// a Service whose name begins with mediaserver: MEDIASERVER_SERVICE_HOST and others.
func ofKubernetes(name string, environ []string) bool {
	return slices.ContainsFunc(environ, func(e string) bool {
		other, _, _ := strings.Cut(e, "=")
		service, isHost := strings.CutSuffix(other, "_SERVICE_HOST")
		of, ok := strings.CutPrefix(name, service+"_")
		word, _, _ := strings.Cut(strings.TrimPrefix(of, "SERVICE_"), "_")
		return isHost && ok && (of == "SERVICE_HOST" || word == "PORT")
	})
}

// forget drops the places of what a variable replaces, so that later problems
// name the variable.
func (d *decoder) forget(path string) {
	for p := range d.places {
		if p == path || strings.HasPrefix(p, path+"[") {
			delete(d.places, p)
		}
	}
}

// envNode is the value of a variable: lists, maps and sections are YAML flow
// text, anything else is taken as it stands. nil after a problem.
func (d *decoder) envNode(v reflect.Value, value string, place Place, path string) *node {
	structured := v.Kind() == reflect.Slice || v.Kind() == reflect.Map || isSection(v.Type())
	_, isPage := v.Interface().(Page)
	if structured || isPage && strings.HasPrefix(strings.TrimSpace(value), "{") {
		n, problems := parseTree([]byte(value), place)
		if len(problems) > 0 {
			d.problems = append(d.problems, problems...)
			return nil
		}
		return n
	}
	if v.Kind() == reflect.Pointer && value == "null" {
		v.SetZero()
		return nil
	}
	if v.Kind() != reflect.String {
		value = strings.TrimSpace(value)
	}
	return &node{kind: scalarNode, text: value, place: place}
}

// suggestVariable names the variable that was meant, if one is near.
func suggestVariable(name string, keys map[string]envKey) string {
	known := make([]string, 0, len(keys))
	for k := range keys {
		known = append(known, k)
	}
	slices.Sort(known)
	if best, ok := nearest(name, known); ok {
		return "; did you mean " + best + "?"
	}
	return ""
}
