package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of what is read; far above any real configuration.
const (
	maxFileBytes = 1 << 20
	maxDepth     = 32
)

// kind is the shape of a node.
type kind uint8

const (
	nullNode kind = iota
	scalarNode
	listNode
	mapNode
)

// node is a YAML value with its place. Scalars keep the text as written:
// 2.0 stays "2.0".
type node struct {
	kind    kind
	text    string // of a scalar
	quoted  bool   // the scalar was quoted, so it is a text for sure
	items   []*node
	entries []entry
	place   Place
}

// entry is one key of a map.
type entry struct {
	key   string
	place Place
	value *node
}

// treeBuilder turns the library's syntax tree into nodes.
type treeBuilder struct {
	place    Place // file or variable; line and column are added
	anchors  map[string]*node
	problems Problems
}

// parseTree reads one YAML document. The result is a nullNode for an empty
// one. With problems the tree may be partial.
func parseTree(src []byte, place Place) (*node, Problems) {
	b := &treeBuilder{place: place, anchors: map[string]*node{}}
	empty := &node{place: place}
	if len(src) > maxFileBytes {
		b.fail(place, fmt.Sprintf("more than %d bytes", maxFileBytes))
		return empty, b.problems
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if at := invalidUTF8(src); at >= 0 {
		b.fail(b.at(1+bytes.Count(src[:at], []byte("\n")), at-bytes.LastIndexByte(src[:at], '\n')), "not UTF-8")
		return empty, b.problems
	}
	file, err := parseYAML(src)
	if err != nil {
		b.fail(b.syntaxPlace(err), syntaxMessage(err))
		return empty, b.problems
	}
	var root *node
	for _, doc := range file.Docs {
		if doc == nil || doc.Body == nil {
			continue
		}
		if root != nil {
			b.fail(b.of(doc.Body), "a second document; only one is read")
			break
		}
		root = b.convert(doc.Body, 0)
	}
	if root == nil {
		root = empty
	}
	return root, b.problems
}

// parseYAML calls the library and turns a panic of its into an error.
func parseYAML(src []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not readable as YAML")
		}
	}()
	file, err = parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err == nil && file == nil {
		return nil, errors.New("not readable as YAML")
	}
	return file, err
}

// invalidUTF8 is the offset of the first bad byte, -1 for none.
func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func (b *treeBuilder) fail(p Place, message string) {
	b.problems = append(b.problems, Problem{Place: p, Message: message})
}

// at is a place in the source. In a variable only the name counts.
func (b *treeBuilder) at(line, column int) Place {
	p := b.place
	if p.Env == "" {
		p.Line, p.Column = line, column
	}
	return p
}

func (b *treeBuilder) atToken(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return b.place
	}
	return b.at(t.Position.Line, t.Position.Column)
}

// of is the place where a node begins; for a map that is its first key.
func (b *treeBuilder) of(n ast.Node) Place {
	switch v := n.(type) {
	case *ast.MappingNode:
		if len(v.Values) > 0 && !v.IsFlowStyle {
			return b.of(v.Values[0])
		}
	case *ast.MappingValueNode:
		return b.of(v.Key)
	}
	return b.atToken(n.GetToken())
}

func (b *treeBuilder) syntaxPlace(err error) Place {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		return b.atToken(syntax.Token)
	}
	return b.place
}

// syntaxMessage is the library's sentence without its print of the source,
// which might hold a secret.
func syntaxMessage(err error) string {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		return "not valid YAML: " + withoutSource(syntax.Message) + quoteHint(syntax.Token)
	}
	return "not valid YAML"
}

// quoteHint says how to write what YAML has taken for an alias: a wildcard, as
// most who write * mean.
func quoteHint(at *token.Token) string {
	for _, t := range []*token.Token{at, before(at)} {
		if t != nil && t.Type == token.AliasType {
			return "; quote a text that begins with *"
		}
	}
	return ""
}

func before(t *token.Token) *token.Token {
	if t == nil {
		return nil
	}
	return t.Prev
}

// convert makes a node of a library node.
func (b *treeBuilder) convert(n ast.Node, depth int) *node {
	if depth > maxDepth {
		b.fail(b.of(n), fmt.Sprintf("nested deeper than %d levels", maxDepth))
		return &node{place: b.of(n)}
	}
	out := &node{place: b.place}
	if n == nil {
		return out
	}
	out.place = b.of(n)
	switch v := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.kind = mapNode
		for _, pair := range v.Values {
			b.addEntry(out, pair, depth)
		}
	case *ast.MappingValueNode:
		out.kind = mapNode
		b.addEntry(out, v, depth)
	case *ast.SequenceNode:
		out.kind = listNode
		for _, item := range v.Values {
			out.items = append(out.items, b.convert(item, depth+1))
		}
	case *ast.AnchorNode:
		out = b.convert(v.Value, depth+1)
		b.anchors[v.Name.GetToken().Value] = out
	case *ast.AliasNode:
		target, ok := b.anchors[v.Value.GetToken().Value]
		if !ok {
			// The name is not repeated: an unquoted secret may begin with *.
			b.fail(out.place, "an alias (*name) of something not anchored before; quote a text that begins with *")
			return out
		}
		alias := *target
		alias.place = out.place
		out = &alias
	default:
		b.convertScalar(out, n)
	}
	return out
}

// convertScalar fills a scalar node.
func (b *treeBuilder) convertScalar(out *node, n ast.Node) {
	out.kind = scalarNode
	switch v := n.(type) {
	case *ast.StringNode:
		out.text = v.Value
		out.quoted = v.Token.Type == token.SingleQuoteType || v.Token.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		out.text, out.quoted = v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out.text = n.GetToken().Value
	case *ast.TagNode:
		b.fail(out.place, "YAML tags (!name) have no meaning here; quote a text that begins with !")
	default:
		b.fail(out.place, "this form of YAML has no meaning here")
	}
}

// addEntry adds one key and its value to a map.
func (b *treeBuilder) addEntry(m *node, pair *ast.MappingValueNode, depth int) {
	place := b.of(pair.Key)
	switch pair.Key.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
	case *ast.MergeKeyNode:
		b.fail(place, "merge keys (<<) are not supported")
		return
	default:
		b.fail(place, "a key must be a plain text")
		return
	}
	key := pair.Key.GetToken().Value
	for _, e := range m.entries {
		if e.key == key {
			b.problems = append(b.problems, Problem{Place: place, Message: fmt.Sprintf("the key %q is given twice, first in line %d", key, e.place.Line)})
			return
		}
	}
	m.entries = append(m.entries, entry{key: key, place: place, value: b.convert(pair.Value, depth+1)})
}

// maxQuoted is the longest part of the source that a syntax message repeats,
// in bytes: a character, not a word that may be a secret.
const maxQuoted = 4

// withoutSource removes quoted words from a message of the YAML library.
func withoutSource(message string) string {
	parts := strings.Split(message, `"`)
	for i := 1; i < len(parts); i += 2 {
		if len(parts[i]) > maxQuoted {
			parts[i] = "…"
		}
	}
	return strings.ReplaceAll(strings.Join(parts, `"`), "\n", " ")
}
