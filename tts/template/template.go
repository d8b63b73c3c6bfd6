package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Values are what placeholders stand for, by name without braces.
type Values map[string]string

// Expand fills in a template in one pass: what is filled in is not looked at
// again. Each value goes through escape. Braces around anything but a name in
// values stay as they are.
func Expand(template string, values Values, escape func(string) string) string {
	var b strings.Builder
	for {
		before, name, after, ok := next(template)
		if !ok {
			b.WriteString(template)
			return b.String()
		}
		b.WriteString(before)
		if v, ok := values[name]; ok {
			b.WriteString(escape(v))
			template = after
		} else {
			b.WriteByte('{')
			template = template[len(before)+1:]
		}
	}
}

// next finds the first "{name}".
func next(s string) (before, name, after string, ok bool) {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '{')
		if i < 0 {
			return "", "", "", false
		}
		from += i + 1
		n := 0
		for from+n < len(s) && s[from+n] >= 'a' && s[from+n] <= 'z' {
			n++
		}
		if n > 0 && from+n < len(s) && s[from+n] == '}' {
			return s[:from-1], s[from : from+n], s[from+n+1:], true
		}
	}
}

// Check returns an error that names the first placeholder that is not in
// values.
func Check(template string, values Values) error {
	for {
		_, name, after, ok := next(template)
		if !ok {
			return nil
		}
		if _, known := values[name]; !known {
			return fmt.Errorf("template: {%s} is not one of {%s}", name, strings.Join(slices.Sorted(maps.Keys(values)), "}, {"))
		}
		template = after
	}
}

// Uses reports whether a template has a placeholder.
func Uses(template, name string) bool { return strings.Contains(template, "{"+name+"}") }

// Plain leaves a value as it is.
func Plain(s string) string { return s }

// JSON escapes a value for the inside of a string of JSON.
func JSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a string always has JSON
	}
	return string(b[1 : len(b)-1])
}
