package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"mediaserver/internal/shorten"
)

// decoder fills the structs from nodes and remembers where each value stood.
type decoder struct {
	problems Problems
	places   map[string]Place // by path; sections and lists too
}

// fail notes a problem of a key. Of texts it shows what they begin with.
func (d *decoder) fail(p Place, path, format string, args ...any) {
	args = slices.Clone(args)
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = shorten.Text(text, maxShown)
		}
	}
	d.problems = append(d.problems, Problem{Place: p, Path: path, Message: fmt.Sprintf(format, args...)})
}

// maxShown is the longest text in a message [bytes]: more than any list of ours.
const maxShown = 1000

// place is where a path was written: its own place or that of what holds it.
func (d *decoder) place(path string) Place {
	for path != "" {
		if p, ok := d.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return d.places[""]
}

// given says whether the key was written anywhere.
func (d *decoder) given(path string) bool {
	_, ok := d.places[path]
	return ok
}

// section fills a struct from a map. null leaves the defaults.
func (d *decoder) section(n *node, v reflect.Value, path string) {
	if n.kind == nullNode {
		return
	}
	fields := fieldsOf(v.Type())
	if n.kind != mapNode {
		d.fail(n.place, path, "must be a map with the keys %s", names(fields))
		return
	}
	d.places[path] = n.place
	for _, e := range n.entries {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key })
		if i < 0 {
			d.fail(e.place, join(path, e.key), "unknown key; %s", knownKeys(e.key, fields))
			continue
		}
		d.value(e.value, v.FieldByIndex(fields[i].index), fields[i], join(path, e.key))
	}
}

// value fills one key. null is the default, which is already there.
func (d *decoder) value(n *node, v reflect.Value, f field, path string) {
	if n.kind == nullNode {
		return
	}
	if isSection(v.Type()) {
		d.section(n, v, path)
		return
	}
	d.places[path] = n.place
	switch v.Interface().(type) {
	case Page:
		d.page(n, v, path)
	case netip.Prefix:
		d.prefix(n, v, path)
	case map[string]any:
		d.rawMap(n, v, path)
	default:
		if v.Kind() == reflect.Slice {
			d.list(n, v, path)
			return
		}
		d.scalar(n, v, f, path)
	}
}

// list replaces a list; its elements begin with their own defaults.
func (d *decoder) list(n *node, v reflect.Value, path string) {
	if n.kind != listNode {
		d.fail(n.place, path, "must be a list, for example %s", exampleOf(v.Type().Elem()))
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for i, item := range n.items {
		p := fmt.Sprintf("%s[%d]", path, i)
		d.places[p] = item.place
		element := newElement(v.Type().Elem())
		if item.kind == nullNode {
			d.fail(item.place, p, "must not be empty")
		} else {
			d.value(item, element, field{}, p)
		}
		out = reflect.Append(out, element)
	}
	v.Set(out)
}

// exampleOf is a list of a type, to be shown in a message.
func exampleOf(t reflect.Type) string {
	if t.Kind() == reflect.Struct && t != reflect.TypeFor[netip.Prefix]() {
		return "[{" + fieldsOf(t)[0].name + ": …}]"
	}
	return "[a, b]"
}

// scalar fills a text, number or truth value.
func (d *decoder) scalar(n *node, v reflect.Value, f field, path string) {
	if n.kind != scalarNode {
		d.fail(n.place, path, "must be %s, not a %s", allowed(v.Type(), f), n.kind)
		return
	}
	bad := func() {
		if f.secret {
			d.fail(n.place, path, "the value is not %s", allowed(v.Type(), f))
			return
		}
		d.fail(n.place, path, "%q is not %s", n.text, allowed(v.Type(), f))
	}
	switch v.Kind() {
	case reflect.Int:
		i, err := strconv.Atoi(strings.TrimPrefix(n.text, "+"))
		if err != nil || f.hasRange && (i < f.low || i > f.high) {
			bad()
			return
		}
		v.SetInt(int64(i))
	case reflect.Bool, reflect.Pointer:
		truth, ok := map[string]bool{"true": true, "false": false}[n.text]
		switch {
		case !ok:
			bad()
		case v.Kind() == reflect.Pointer:
			v.Set(reflect.ValueOf(&truth))
		default:
			v.SetBool(truth)
		}
	default:
		switch {
		case slices.Contains(f.laterValues, n.text):
			d.fail(n.place, path, "%q is not in this version; available: %s", n.text, strings.Join(f.available(), ", "))
		case f.values != nil && !slices.Contains(f.values, n.text):
			bad()
		case strings.ContainsRune(n.text, 0):
			d.fail(n.place, path, "must not hold a zero character")
		default:
			v.SetString(n.text)
		}
	}
}

// allowed says in words what a key takes.
func allowed(t reflect.Type, f field) string {
	switch {
	case t.Kind() == reflect.Int && f.hasRange:
		return fmt.Sprintf("a whole number from %d to %d", f.low, f.high)
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Pointer:
		return "true, false or null"
	case f.values != nil:
		return "one of " + strings.Join(slices.DeleteFunc(slices.Clone(f.values), func(s string) bool { return s == "" }), ", ")
	default:
		return "a text"
	}
}

// page fills a Page from an address or from a map of url and method.
func (d *decoder) page(n *node, v reflect.Value, path string) {
	page := Page{Method: "POST"}
	switch n.kind {
	case scalarNode:
		page.URL = n.text
	case mapNode:
		d.pageMap(n, &page, path)
	default:
		d.fail(n.place, path, "must be an address or {url: …, method: GET or POST}")
		return
	}
	if page.URL == "" {
		page.Method = ""
	}
	v.Set(reflect.ValueOf(page))
}

// pageMap fills a Page from its map form.
func (d *decoder) pageMap(n *node, page *Page, path string) {
	haveURL := false
	for _, e := range n.entries {
		p := join(path, e.key)
		switch {
		case e.key != "url" && e.key != "method":
			d.fail(e.place, p, "unknown key; known here: url, method")
		case e.value.kind == nullNode:
		case e.value.kind != scalarNode:
			d.fail(e.value.place, p, "must be a text, not a %s", e.value.kind)
		case e.key == "url":
			page.URL, haveURL = e.value.text, true
			d.places[p] = e.value.place
		case e.value.text != "GET" && e.value.text != "POST":
			d.fail(e.value.place, p, "%q is not one of GET, POST", e.value.text)
		default:
			page.Method = e.value.text
		}
	}
	if !haveURL {
		d.fail(n.place, join(path, "url"), "is missing")
	}
}

// prefix fills a network, given as 192.0.2.0/24 or as one address.
func (d *decoder) prefix(n *node, v reflect.Value, path string) {
	if n.kind == scalarNode {
		if p, err := netip.ParsePrefix(n.text); err == nil {
			v.Set(reflect.ValueOf(p.Masked()))
			return
		}
		if a, err := netip.ParseAddr(n.text); err == nil && a.Zone() == "" {
			v.Set(reflect.ValueOf(netip.PrefixFrom(a, a.BitLen())))
			return
		}
	}
	d.fail(n.place, path, "%q is not a network such as 192.0.2.0/24 or an IP address", n.text)
}

// rawMap keeps only the key names of a map whose keys are not fixed yet.
func (d *decoder) rawMap(n *node, v reflect.Value, path string) {
	if n.kind != mapNode {
		d.fail(n.place, path, "must be a map")
		return
	}
	m := map[string]any{}
	for _, e := range n.entries {
		m[e.key] = nil
	}
	v.Set(reflect.ValueOf(m))
}

// String names the shape of a node.
func (k kind) String() string {
	switch k {
	case listNode:
		return "list"
	case mapNode:
		return "map"
	case scalarNode:
		return "text"
	default:
		return "null"
	}
}

// names joins the names of keys.
func names(fields []field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return strings.Join(out, ", ")
}

// knownKeys suggests the key that was meant, else lists all.
func knownKeys(key string, fields []field) string {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	if best, ok := nearest(key, known); ok {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "known here: " + names(fields)
}

// nearest is the known word at most two edits from the given one.
func nearest(word string, known []string) (string, bool) {
	best, bestDistance := "", 3
	for _, k := range known {
		if d := editDistance(word, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best, best != ""
}

// editDistance is the Levenshtein distance; words of more than 64 bytes are
// far from everything.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
