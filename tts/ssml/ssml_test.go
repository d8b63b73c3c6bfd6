package ssml

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

const ms = time.Millisecond

func TestParse(t *testing.T) {
	say := func(text string) []Part { return []Part{{Text: text, Rate: 1}} }
	for text, want := range map[string][]Part{
		"":                                   nil,
		" \n\t\x00":                          nil,
		"<speak><p/></speak>":                nil,
		"<speak/>":                           nil,
		"Hello":                              say("Hello"),
		" Hello\n\n there\x07\u202e!\ue000 ": say("Hello there !"),
		"Tom &amp; Jerry &lt;3 &#65;&#x42;":  say("Tom & Jerry <3 AB"),
		"AT&T":                               say("AT&T"),
		"5 < 6 and 7 > 3":                    say("5 < 6 and 7 > 3"),
		"a <b> c":                            say("a <b> c"),
		"&nbsp;":                             say("&nbsp;"),
		"</speak><speak>":                    say("</speak><speak>"),
		"a</speak>b<speak>c":                 say("a</speak>b<speak>c"),
		"<speak>a</speak><speak>b</speak>":   say("ab"),
		"<speak>Hello</speak>":               say("Hello"),
		"<?xml version=\"1.0\"?><speak>Hello</speak>":                       say("Hello"),
		"<?xml version='1.0' encoding='ISO-8859-1'?>\n<speak>Größe</speak>": say("Größe"),
		"<?xml version='1.0' encoding='utf-16'?><speak>Hello</speak>":       say("Hello"),
		"Hello <b>big</b> <mark name='x'/>world <!-- no -->":                say("Hello big world"),
		"<speak><![CDATA[a < b]]></speak>":                                  say("a < b"),
		"<!DOCTYPE a [<!ENTITY b 'c'>]><speak>&b;</speak>":                  say("<!DOCTYPE a [<!ENTITY b 'c'>]><speak>&b;</speak>"),
		"<voice name='x'>a</voice><metadata>no</metadata>":                  say("a"),
		`<sub alias="no">yes</sub>`:                                         say("yes"),

		"a<break/>b":                  {{"a", 1, 500 * ms}, {"b", 1, 0}},
		"a<break time='1.5s'/>b":      {{"a", 1, 1500 * ms}, {"b", 1, 0}},
		"a<break time='250ms'/>":      {{"a", 1, 250 * ms}},
		"<break time='1s'/>a":         {{"", 1, time.Second}, {"a", 1, 0}},
		"a<break time='3600s'/>b":     {{"a", 1, maxPause}, {"b", 1, 0}},
		"a<break time='-1s'/>b":       {{"a", 1, 500 * ms}, {"b", 1, 0}},
		"a<break time='NaNs'/>b":      {{"a", 1, 500 * ms}, {"b", 1, 0}},
		"a<break strength='none'/>b":  {{"a", 1, 0}, {"b", 1, 0}},
		"a<break strength='strong'/>": {{"a", 1, 750 * ms}},
		"a<break/><break/>b":          {{"a", 1, time.Second}, {"b", 1, 0}},

		"<p>a</p><p>b</p>":               {{"a", 1, paragraphPause}, {"b", 1, paragraphPause}},
		"<s>a</s><s>b</s>":               {{"a", 1, 0}, {"b", 1, 0}},
		"<speak><p><s>a</s></p></speak>": {{"a", 1, paragraphPause}},

		`a <prosody rate="slow">b</prosody> c`:                                  {{"a", 1, 0}, {"b", 0.75, 0}, {"c", 1, 0}},
		`<prosody rate="80%">b</prosody>`:                                       {{"b", 0.8, 0}},
		`<prosody rate="+20%">b</prosody>`:                                      {{"b", 1.2, 0}},
		`<prosody rate="-25%">b</prosody>`:                                      {{"b", 0.75, 0}},
		`<prosody rate="1.5">b</prosody>`:                                       {{"b", 1.5, 0}},
		`<prosody rate="900%">b</prosody>`:                                      {{"b", 2, 0}},
		`<prosody rate="-100%">b</prosody>`:                                     say("b"),
		`<prosody rate="NaN">b</prosody>`:                                       say("b"),
		`<prosody pitch="high">b</prosody>`:                                     say("b"),
		`<prosody rate="x-slow">a<prosody rate="x-fast">b</prosody>c</prosody>`: {{"a", 0.5, 0}, {"b", 0.75, 0}, {"c", 0.5, 0}},

		`Code <say-as interpret-as="digits">12 34</say-as>.`: say("Code 1 2 3 4 ."),
		`<say-as interpret-as="telephone">+44-19*#</say-as>`: say("+ 4 4 1 9 * #"),
		`<say-as interpret-as="characters">ABC</say-as>`:     say("A B C"),
		`<say-as interpret-as="cardinal">123</say-as>`:       say("123"),
	} {
		if got := Parse(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestBoundsMakeItPlainText(t *testing.T) {
	for name, text := range map[string]string{
		"too deep":      strings.Repeat("<p>", 40) + "a" + strings.Repeat("</p>", 40),
		"too many tags": strings.Repeat("<a/>", maxTags+1) + "a",
	} {
		if got := Parse(text); len(got) != 1 || got[0].Text != text {
			t.Errorf("%s: %d parts", name, len(got))
		}
	}
}

func TestAllPausesTogetherAreBounded(t *testing.T) {
	var sum time.Duration
	for _, p := range Parse(strings.Repeat("a<break time='10s'/>", 20)) {
		sum += p.Pause
	}
	if sum != maxPauses {
		t.Errorf("%v of silence, want %v", sum, maxPauses)
	}
}

func TestSplit(t *testing.T) {
	filler := strings.Repeat("word ", 40) // too long for one piece
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"a short text stays whole":           {"One. Two. Three.", []string{"One. Two. Three."}},
		"the first sentence comes alone":     {"One! Two? " + filler + "end.", []string{"One!", "Two? " + filler + "end."}},
		"abbreviations end nothing":          {"Mr. Smith e.g. at 3.14 no. 5. Then " + filler + "x.", []string{"Mr. Smith e.g. at 3.14 no. 5.", "Then " + filler + "x."}},
		"initials end nothing":               {"J. Smith. Then " + filler + "x.", []string{"J. Smith.", "Then " + filler + "x."}},
		"lower case goes on":                 {"It is approx. or so. Then " + filler + "x.", []string{"It is approx. or so.", "Then " + filler + "x."}},
		"no space is needed after ideograms": {strings.Repeat("会", 60) + "。" + strings.Repeat("議", 20), []string{strings.Repeat("会", 60) + "。", strings.Repeat("議", 20)}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Split(tt.text); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
	long := strings.Repeat("word, ", 250)
	for _, p := range Split(long) {
		if len(p) > longest {
			t.Errorf("a piece of %d bytes", len(p))
		}
	}
}

// FuzzParse: whatever comes in, what is spoken is tidy, bounded and complete.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"Hello", "<speak><p>a<break time='1s'/></p><prosody rate='slow'>b &amp; c</prosody></speak>", "AT&T <b", "</speak><speak>",
		"<say-as interpret-as='digits'>123</say-as>", "<!DOCTYPE x [<!ENTITY y 'z'>]>&y;", strings.Repeat("One two. ", 60),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 20000 {
			return
		}
		var silence time.Duration
		spoken := 0
		for _, p := range Parse(text) {
			silence += p.Pause
			spoken += len(p.Text)
			if p.Text != tidy(p.Text) || p.Pause < 0 || p.Rate < 0.5 || p.Rate > 2 || p.Text == "" && p.Pause == 0 {
				t.Errorf("part %+v", p)
			}
			if utf8.ValidString(text) && !utf8.ValidString(p.Text) {
				t.Errorf("part %q is not UTF-8", p.Text)
			}
			if p.Text == "" {
				continue
			}
			pieces := Split(p.Text)
			for _, s := range pieces {
				if s == "" || len(s) > longest+whole || len(s) > longest && utf8.ValidString(s) {
					t.Errorf("piece of %d bytes: %.40q", len(s), s)
				}
			}
			if a, b := letters(strings.Join(pieces, "")), letters(p.Text); a != b {
				t.Errorf("pieces say %q, text is %q", a, b)
			}
		}
		if silence > maxPauses || spoken > 3*len(text)+1 {
			t.Errorf("%v of silence, %d bytes spoken of %d", silence, spoken, len(text))
		}
	})
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func BenchmarkParse(b *testing.B) {
	text := "<speak>" + strings.Repeat("<p>Hello <say-as interpret-as='digits'>123</say-as>.<break/></p>", 60) + "</speak>"
	b.ReportAllocs()
	for b.Loop() {
		Parse(text)
	}
}
