package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// YAML is the configuration as a file that Load accepts. Secrets are masked.
func (c *Config) YAML() string {
	var b strings.Builder
	from := "the built-in defaults"
	if c.Path != "" {
		from = c.Path
	}
	fmt.Fprintf(&b, "# Effective configuration: %s and the environment. Secrets are masked.\n", from)
	if c.Demo {
		b.WriteString("# No services are configured, so the embedded demo application answers sip:demo@….\n")
	}
	writeSection(&b, reflect.ValueOf(*c), "")
	return b.String()
}

// writeSection writes the keys of a struct, one a line.
func writeSection(b *strings.Builder, v reflect.Value, indent string) {
	for _, f := range fieldsOf(v.Type()) {
		fv := v.FieldByIndex(f.index)
		b.WriteString(indent + f.name + ":")
		switch {
		case isSection(fv.Type()):
			b.WriteString("\n")
			writeSection(b, fv, indent+"  ")
		case fv.Kind() == reflect.Slice && isSection(fv.Type().Elem()) && fv.Len() > 0:
			b.WriteString("\n")
			for i := range fv.Len() {
				var element strings.Builder
				writeSection(&element, fv.Index(i), indent+"    ")
				b.WriteString(indent + "  - " + strings.TrimPrefix(element.String(), indent+"    "))
			}
		default:
			b.WriteString(" " + flow(fv) + "\n")
		}
	}
}

// flow is a value as YAML on one line.
func flow(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Page:
		if x.URL != "" && x.Method != "POST" {
			return "{url: " + quote(x.String()) + ", method: " + x.Method + "}"
		}
		return quote(x.String())
	case Secret:
		return quote(x.String())
	case Address:
		return quote(x.String())
	case Header:
		return quote(x.String())
	case netip.Prefix:
		return quote(x.String())
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return "null"
		}
		return flow(v.Elem())
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = flow(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		var items []string
		for _, k := range v.MapKeys() {
			items = append(items, quote(k.String())+": …")
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// quote writes a text plainly where that cannot be misread, else quoted.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, notPlain) && s[0] != '-' && s[0] != '.' {
		var back any
		if err := yaml.Unmarshal([]byte(s), &back); err == nil && back == s {
			return s
		}
	}
	return strconv.Quote(s)
}

// notPlain says whether a rune is quoted for safety.
func notPlain(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-', r == '/':
		return false
	}
	return true
}
