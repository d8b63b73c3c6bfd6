package ssml

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lengths of what is spoken in one go [bytes].
const (
	whole   = 160 // a text up to here is not split
	grouped = 240 // sentences are put together up to here
	longest = 600 // a sentence beyond is cut at a comma or blank
)

// abbreviations end in a full stop that ends no sentence.
var abbreviations = []string{
	"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "no.", "nr.", "vs.", "e.g.", "i.e.", "etc.", "approx.", "ext.", "tel.",
}

// Split cuts a tidy text at ends of sentences into pieces that are synthesised
// one by one. The first piece is a single sentence, so that it can be heard
// soon.
func Split(text string) []string {
	if len(text) <= whole {
		return []string{text}
	}
	var pieces []string
	for i, s := range sentences(text) {
		for len(s) > longest {
			at := cut(s)
			pieces = append(pieces, strings.TrimSpace(s[:at]))
			s = strings.TrimSpace(s[at:])
		}
		last := len(pieces) - 1
		if i > 1 && last >= 0 && len(pieces[last])+len(s) < grouped {
			pieces[last] += " " + s
			continue
		}
		pieces = append(pieces, s)
	}
	return slices.DeleteFunc(pieces, func(s string) bool { return s == "" })
}

// sentences cuts after marks that end a sentence.
func sentences(text string) []string {
	var list []string
	from := 0
	for i, r := range text {
		next := i + utf8.RuneLen(r)
		switch r {
		case '。', '！', '？':
		case '.', '!', '?', '…', ';', ':':
			if next >= len(text) || text[next] != ' ' || r == '.' && !ends(text[from:next], text[next+1:]) {
				continue
			}
		default:
			continue
		}
		list = append(list, strings.TrimSpace(text[from:next]))
		from = next
	}
	return append(list, strings.TrimSpace(text[from:]))
}

// ends reports whether the full stop at the end of before ends a sentence.
func ends(before, after string) bool {
	word := strings.ToLower(before[strings.LastIndexByte(before, ' ')+1:])
	if slices.Contains(abbreviations, word) || len(word) == 2 && unicode.IsLetter(rune(word[0])) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(after)
	return !unicode.IsLower(r)
}

// cut is a place in the first longest bytes of s: after a comma, else a blank,
// else between two characters.
func cut(s string) int {
	head := s[:longest]
	if i := strings.LastIndexAny(head, ",、，"); i > longest/2 {
		_, n := utf8.DecodeRuneInString(s[i:])
		return i + n
	}
	if i := strings.LastIndexByte(head, ' '); i > 0 {
		return i
	}
	i := longest
	for !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}
