package examples

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// documented are the directories whose JSON is run.
var documented = []string{"docs/actions", "docs/objects"}

// document is a Markdown file: its scenes and its tables of properties.
type document struct {
	name   string // path from the root
	scenes []*scene
	tables []table
}

// scene is one call: what its pages answer, what the caller does, and what the
// pages are to be asked with. It comes from JSON blocks under one heading
// whose fence says what they are:
//
//	```json v2                      the answer of the first page
//	```json v2 answer next          the answer of the page next
//	```json v2 request next         what the page next is asked with
//	```json v2 refused CODE         an answer that is refused with CODE
//
// A second answer of the same page begins another scene. Comments in between
// say what happens:
//
//	<!-- test: press # at 12.5 -->
//	<!-- test: hang up at 20 -->
//	<!-- test: the room harbour is full -->
type scene struct {
	file     string
	line     int
	version  string // "1" or "2.0"
	answers  map[string]string
	requests []wantedRequest
	refused  string // code
	events   []event
	full     string // a room without space for another
}

type wantedRequest struct{ page, body string }

// event is something that the caller does.
type event struct {
	at    time.Duration
	digit string // "" = hang up
}

// table is a table whose first column is called property.
type table struct {
	heading string
	rows    []row
}

// row is a property. The cells are those of the columns by their names.
type row struct {
	name  string
	only  string // the one version that has it, "" = both
	cells map[string]string
}

// documents are all documents.
func documents(t *testing.T) []*document {
	t.Helper()
	var list []*document
	for _, dir := range documented {
		for _, name := range markdown(t, dir) {
			list = append(list, parse(t, name))
		}
	}
	return list
}

// reader reads a document line by line.
type reader struct {
	t       *testing.T
	doc     *document
	line    int
	heading string
	columns []string
	current *scene
}

func parse(t *testing.T, name string) *document {
	t.Helper()
	p := &reader{t: t, doc: &document{name: name}}
	in := bufio.NewScanner(strings.NewReader(read(t, name)))
	for in.Scan() {
		p.line++
		line := in.Text()
		if !strings.HasPrefix(line, "|") {
			p.columns = nil
		}
		switch {
		case strings.HasPrefix(line, "#"):
			p.heading, p.current = strings.TrimSpace(strings.TrimLeft(line, "#")), nil
		case strings.HasPrefix(line, "<!-- test:"):
			p.directive(strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(line, "<!-- test:"), "-->")))
		case strings.HasPrefix(line, "```json"):
			p.block(strings.Fields(line)[1:], p.fenced(in))
		case strings.HasPrefix(line, "```"):
			p.fenced(in)
		case strings.HasPrefix(line, "|"):
			p.tableLine(line)
		}
	}
	return p.doc
}

// fenced is the text up to the end of a block.
func (p *reader) fenced(in *bufio.Scanner) string {
	var b strings.Builder
	for in.Scan() {
		p.line++
		if in.Text() == "```" {
			break
		}
		b.WriteString(in.Text() + "\n")
	}
	return b.String()
}

func (p *reader) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s:%d: %s", p.doc.name, p.line, fmt.Sprintf(format, args...))
}

// block puts a block into its scene.
func (p *reader) block(info []string, text string) {
	p.t.Helper()
	versions := map[string]string{"v1": "1", "v2": "2.0"}
	if len(info) == 0 || versions[info[0]] == "" {
		p.fatalf("a JSON block says v1 or v2, and what it is")
	}
	version := versions[info[0]]
	role, subject := "answer", "first"
	if len(info) == 3 {
		role, subject = info[1], info[2]
	}
	s := p.current
	begins := role == "refused" || role == "answer" && s != nil && s.answers[subject] != ""
	if s == nil || s.version != version || s.refused != "" || begins {
		s = &scene{file: p.doc.name, line: p.line, version: version, answers: map[string]string{}}
		p.doc.scenes = append(p.doc.scenes, s)
		p.current = s
	}
	switch role {
	case "answer":
		s.answers[subject] = text
	case "request":
		s.requests = append(s.requests, wantedRequest{subject, text})
	case "refused":
		s.answers["first"], s.refused = text, subject
	default:
		p.fatalf("a JSON block is %v", info)
	}
}

var (
	pressLine  = regexp.MustCompile(`^press ([0-9A-D#*]) at ([0-9.]+)$`)
	hangUpLine = regexp.MustCompile(`^hang up at ([0-9.]+)$`)
	fullLine   = regexp.MustCompile(`^the room (\S+) is full$`)
)

// directive says what happens in the current scene.
func (p *reader) directive(text string) {
	p.t.Helper()
	if p.current == nil {
		p.fatalf("%q: there is no scene", text)
	}
	seconds := func(s string) time.Duration {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			p.fatalf("%q: %v", text, err)
		}
		return time.Duration(f * float64(time.Second))
	}
	switch {
	case pressLine.MatchString(text):
		m := pressLine.FindStringSubmatch(text)
		p.current.events = append(p.current.events, event{seconds(m[2]), m[1]})
	case hangUpLine.MatchString(text):
		p.current.events = append(p.current.events, event{seconds(hangUpLine.FindStringSubmatch(text)[1]), ""})
	case fullLine.MatchString(text):
		p.current.full = fullLine.FindStringSubmatch(text)[1]
	default:
		p.fatalf("nobody knows what %q is", text)
	}
}

// tableLine reads a line of a table of properties.
func (p *reader) tableLine(line string) {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	switch {
	case cells[0] == "property":
		p.columns = cells
		p.doc.tables = append(p.doc.tables, table{heading: p.heading})
	case p.columns == nil || strings.HasPrefix(cells[0], "---"):
	default:
		if len(cells) != len(p.columns) {
			p.fatalf("%d cells, the table has %d columns", len(cells), len(p.columns))
		}
		m := regexp.MustCompile("^`([a-z_]+)`(?: \\((v[12])\\))?$").FindStringSubmatch(cells[0])
		if m == nil {
			p.fatalf("%q is not a `property` or a `property` (v2)", cells[0])
		}
		r := row{name: m[1], only: m[2], cells: map[string]string{}}
		for i, c := range p.columns {
			r.cells[c] = cells[i]
		}
		last := &p.doc.tables[len(p.doc.tables)-1]
		last.rows = append(last.rows, r)
	}
}

// badValues are the values and the code in a cell such as: `0`, `"a"` → `CODE`.
func (r row) badValues() (values []string, code string) {
	before, after, ok := strings.Cut(r.cells["bad value"], "→")
	if !ok {
		return nil, ""
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, m := range quoted.FindAllStringSubmatch(before, -1) {
		values = append(values, m[1])
	}
	if m := quoted.FindStringSubmatch(after); m != nil {
		code = m[1]
	}
	return slices.Clip(values), code
}

// markdown are the Markdown files of a directory and those below.
func markdown(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := fs.WalkDir(os.DirFS(root), dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".md" {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// links are where the links of a text lead, blocks left out.
func links(text string) []string {
	var list []string
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(part, -1) {
			list = append(list, m[1])
		}
	}
	return list
}

// anchors are the headings of a text as links write them.
func anchors(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			kept := strings.Map(func(r rune) rune {
				switch {
				case r == ' ':
					return '-'
				case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
					return r
				}
				return -1
			}, strings.ToLower(strings.TrimSpace(heading)))
			list = append(list, kept)
		}
	}
	return list
}
