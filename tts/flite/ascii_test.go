package flite

import (
	"slices"
	"testing"

	"mediaserver/tts/speech"
)

func TestTextsAreSpelledInASCII(t *testing.T) {
	for text, want := range map[string]string{
		"Hello, Bob.":             "Hello, Bob.",
		"Zoë Müller, Łódź, ÅSE":   "Zoe Muller, Lodz, ASE",
		"Straße Æon Œuvre ﬁne":    "Strasse Aeon Oeuvre fine",
		"Ame\u0301lie":            "Amelie",
		"don’t – “now” … please":  `don't - "now" ... please`,
		"5 €":                     "5 euros",
		"€20":                     "20 euros",
		"It is €1,200.50. Thanks": "It is 1,200.50 euros. Thanks",
		"£3, please":              "3 pounds, please",
		"€ and £€5":               "euros and pounds 5 euros",
		"20°C":                    "20 degrees C",
		"日本語 🎉":                   "日本語 🎉",
		"":                        "",
	} {
		if got := ascii(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestNamesWithMarksAreSpokenWhole, as those without.
func TestNamesWithMarksAreSpokenWhole(t *testing.T) {
	l := newLocal(t, false)
	for text, like := range map[string]string{
		"Zoë Müller has joined.": "Zoe Muller has joined.", "It is 5 €.": "It is 5 euros.",
	} {
		c, err := l.Synthesize(t.Context(), speech.Request{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		want, err := l.Synthesize(t.Context(), speech.Request{Text: like})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.Samples, want.Samples) {
			t.Errorf("%q does not sound like %q", text, like)
		}
	}
}
