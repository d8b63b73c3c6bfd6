package restapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"mediaserver/internal/shorten"
)

// maxNesting is how deep objects and arrays of an answer may be nested.
const maxNesting = 32

// kind is the JSON type of a node.
type kind uint8

// The JSON types, and deeper for what is nested too deeply to be read.
const (
	null kind = iota
	boolean
	number
	text
	array
	object
	deeper
)

// String names the type for people.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object", "nested too deeply"}[k]
}

// node is a JSON value with its place in the document.
type node struct {
	kind     kind
	pos      int      // offset of its first byte
	text     string   // a string's text, a number's or boolean's literal
	children []member // of an array or object
}

// member is an element of an array or a member of an object.
type member struct {
	key    string // "" in an array
	keyPos int    // offset of the key, or of the element
	value  node
}

// child is the member of n called key, or nil.
func (n *node) child(key string) *member {
	for i := range n.children {
		if n.children[i].key == key {
			return &n.children[i]
		}
	}
	return nil
}

// segment is one step of a path into a document: a key, or an index if key
// is "".
type segment struct {
	key   string
	index int
}

// pathString writes a path as actions[0].play.play_list[1].
func pathString(path []segment) string {
	var b strings.Builder
	for _, s := range path {
		if s.key == "" {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(clip(s.key))
	}
	return b.String()
}

// errNotJSON and its companions say why a body is no document.
var (
	errNotJSON   = errors.New("not JSON")
	errNotUTF8   = errors.New("not UTF-8")
	errEmpty     = errors.New("the body is empty")
	errNotObject = errors.New("not an object")
)

// document is a parsed answer.
type document struct {
	root node
	deep *deepPlace // where it is nested too deeply for the first time, or nil
}

// deepPlace is where a document is nested more than maxNesting levels deep.
type deepPlace struct {
	pos  int
	path []segment
}

// parseDocument reads an answer: one JSON object in UTF-8, a byte order mark
// before it does not count. Of equal keys in an object only the last stays,
// in its own place.
func parseDocument(body []byte) (document, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimLeft(body, " \t\r\n")) == 0 {
		return document{}, errEmpty
	}
	if !utf8.Valid(body) {
		return document{}, errNotUTF8
	}
	s := scanner{data: string(body)}
	if !json.Valid(body) {
		if deepest(s.data) > libraryNesting {
			return document{deep: &deepPlace{}}, nil
		}
		return document{}, notJSON(body)
	}
	root := s.value(1)
	if root.kind != object {
		return document{}, errNotObject
	}
	return document{root: root, deep: s.deep}, nil
}

// maxBeginning bounds what is repeated of a body that is no JSON [bytes].
const maxBeginning = 200

// notJSON says why and where body, which is UTF-8, is no JSON, by line and
// column [characters] from 1. It repeats how the body begins, unless that is
// like JSON: broken JSON may hold tokens and keys.
func notJSON(body []byte) error {
	err := json.Unmarshal(body, new(json.RawMessage))
	wrong, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return errNotJSON
	}
	before := body[:max(0, wrong.Offset-1)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	begins := bytes.TrimLeft(body, " \t\r\n")
	if strings.IndexByte(`{["`, begins[0]) >= 0 {
		return fmt.Errorf("%w: line %d, column %d: %w", errNotJSON, line, column, wrong)
	}
	return fmt.Errorf("%w: line %d, column %d: %w; it begins with %q", errNotJSON, line, column, wrong, shorten.Text(string(begins), maxBeginning))
}

// libraryNesting is the depth up to which encoding/json can tell whether a
// document is valid.
const libraryNesting = 10_000

// deepest is how deep brackets outside strings are nested in data.
func deepest(data string) int {
	depth, most := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i) - 1
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}

// stringEnd is the offset behind the string that begins at i, at most
// len(data).
func stringEnd(data string, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// scanner builds the tree of a document that is known to be valid JSON.
// Texts without escapes are parts of data, so a document costs few allocations
// and is kept as long as they are.
type scanner struct {
	data string
	pos  int
	path []segment
	deep *deepPlace
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.data) && (s.data[s.pos] == ' ' || s.data[s.pos] == '\t' || s.data[s.pos] == '\r' || s.data[s.pos] == '\n') {
		s.pos++
	}
}

// value reads the value at s.pos; depth is the level it would be on if it is
// an array or object.
func (s *scanner) value(depth int) node {
	s.space()
	n := node{pos: s.pos}
	switch s.data[s.pos] {
	case '{', '[':
		if depth > maxNesting {
			s.tooDeep(&n)
			return n
		}
		s.container(&n, depth)
	case '"':
		n.kind, n.text = text, s.string()
	case 't', 'f':
		n.kind, n.text = boolean, s.literal()
	case 'n':
		s.literal()
	default:
		n.kind, n.text = number, s.literal()
	}
	return n
}

// container reads an array or object and its children.
func (s *scanner) container(n *node, depth int) {
	n.kind = array
	if s.data[s.pos] == '{' {
		n.kind = object
	}
	s.pos++
	var latest map[string]int
	for {
		s.space()
		switch s.data[s.pos] {
		case '}', ']':
			s.pos++
			if n.kind == object {
				n.children = lastOnes(n.children, latest)
			}
			return
		case ',':
			s.pos++
			continue
		}
		m := member{keyPos: s.pos}
		step := segment{index: len(n.children)}
		if n.kind == object {
			m.key = s.string()
			step.key = m.key
			s.space()
			s.pos++ // the colon
			if latest == nil {
				latest = make(map[string]int)
			}
			latest[m.key] = len(n.children)
		}
		s.path = append(s.path, step)
		m.value = s.value(depth + 1)
		s.path = s.path[:len(s.path)-1]
		n.children = append(n.children, m)
	}
}

// lastOnes keeps the members whose index is the latest of their key.
func lastOnes(members []member, latest map[string]int) []member {
	if len(latest) == len(members) {
		return members
	}
	kept := members[:0]
	for i, m := range members {
		if latest[m.key] == i {
			kept = append(kept, m)
		}
	}
	return kept
}

// tooDeep skips a value that is nested too deeply and remembers the first.
func (s *scanner) tooDeep(n *node) {
	n.kind = deeper
	if s.deep == nil {
		s.deep = &deepPlace{pos: s.pos, path: append([]segment(nil), s.path...)}
	}
	for depth := 0; ; {
		switch s.data[s.pos] {
		case '"':
			s.pos = stringEnd(s.data, s.pos)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.pos++
		if depth == 0 {
			return
		}
	}
}

// string reads a string.
func (s *scanner) string() string {
	end := stringEnd(s.data, s.pos)
	raw := s.data[s.pos:end]
	s.pos = end
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var v string
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		return "" // cannot be: the document is valid
	}
	return v
}

// literal reads a number, true, false or null.
func (s *scanner) literal() string {
	start := s.pos
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n,]}", s.data[s.pos]) < 0 {
		s.pos++
	}
	return s.data[start:s.pos]
}
