package config

import "reflect"

// Changed are the keys whose values differ between two configurations, in the
// order of the file. A list is one key.
func Changed(a, b *Config) []string {
	return changed(reflect.ValueOf(*a), reflect.ValueOf(*b), "")
}

func changed(a, b reflect.Value, path string) []string {
	var keys []string
	for _, f := range fieldsOf(a.Type()) {
		p := join(path, f.name)
		av, bv := a.FieldByIndex(f.index), b.FieldByIndex(f.index)
		switch {
		case isSection(av.Type()):
			keys = append(keys, changed(av, bv, p)...)
		case !equal(av, bv):
			keys = append(keys, p)
		}
	}
	return keys
}
