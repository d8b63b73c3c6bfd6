package flite

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters that are spelled otherwise, but for those that are an ASCII letter with a
// mark: the module passes over all that is not ASCII.
var letters = spellings([][2]string{
	{"ae", "æ"},
	{"d", "đð"},
	{"h", "ħ"},
	{"i", "ı"},
	{"l", "ŀł"},
	{"n", "ŉŋ"},
	{"o", "ø"},
	{"oe", "œ"},
	{"ss", "ß"},
	{"t", "ŧ"},
	{"th", "þ"},
	{"fi", "ﬁ"},
	{"fl", "ﬂ"},
	{"'", "‘’‚′"},
	{`"`, "“”„«»″"},
	{"-", "–—‐‑−"},
	{"...", "…"},
})

// words are what signs are called.
var words = map[rune]string{
	'€': "euros", '£': "pounds", '¥': "yen", '¢': "cents", '°': "degrees", '×': "times", '÷': "divided by", '±': "plus or minus",
	'½': "one half", '¼': "one quarter", '¾': "three quarters", '©': "copyright", '§': "paragraph",
}

// currencies stand before a number and are spoken after it.
const currencies = "€£¥"

// spellings makes a table from rune to text; capital letters too.
func spellings(groups [][2]string) map[rune]string {
	table := map[rune]string{}
	for _, g := range groups {
		for _, r := range g[1] {
			if c := unicode.ToUpper(r); c != r {
				table[c] = strings.ToUpper(g[0][:1]) + g[0][1:]
			}
			table[r] = g[0]
		}
	}
	return table
}

// ascii spells a text in ASCII, as far as that says the same.
func ascii(text string) string {
	var w speller
	currency := rune(0)                    // its number is being written
	runes := []rune(norm.NFD.String(text)) // each mark behind its letter
	for i, r := range runes {
		if currency != 0 && !amount(runes, i) {
			w.spell(currency)
			currency = 0
		}
		if strings.ContainsRune(currencies, r) && i+1 < len(runes) && unicode.IsDigit(runes[i+1]) {
			currency = r
			continue
		}
		w.spell(r)
	}
	if currency != 0 {
		w.spell(currency)
	}
	return w.text.String()
}

// amount reports whether the i-th rune is of a number: a digit, or a mark between
// two.
func amount(s []rune, i int) bool {
	return unicode.IsDigit(s[i]) || (s[i] == '.' || s[i] == ',') && i+1 < len(s) && unicode.IsDigit(s[i+1])
}

// speller writes a text rune by rune.
type speller struct {
	text strings.Builder
	last rune
}

func (w *speller) spell(r rune) {
	word, sign := words[r]
	_, before := words[w.last]
	if w.last != 0 && w.last != ' ' && r != ' ' && (sign || before && (unicode.IsLetter(r) || unicode.IsDigit(r))) {
		w.text.WriteByte(' ')
	}
	switch s, ok := letters[r]; {
	case sign:
		w.text.WriteString(word)
	case ok:
		w.text.WriteString(s)
	case unicode.Is(unicode.Mn, r): // a mark over a letter
	default:
		w.text.WriteRune(r)
	}
	w.last = r
}
