package speech

import (
	"slices"
	"strings"
)

// Voice is a voice of an engine.
type Voice struct {
	ID       string // what the engine calls it
	Language string // English name of the language; "" speaks any
	Country  string // "US", "UK"; "" fits any
	Gender   string // "Female", "Male"; "" fits any
	Name     string // what a selector calls it; "" is the ID
}

// What a selector may ask of a voice that speaks any language, with the accent
// of any country, as anyone; in lower case.
var (
	languages = strings.Fields(`arabic bulgarian catalan chinese croatian czech danish dutch english estonian finnish
		french german greek hebrew hindi hungarian icelandic indonesian italian japanese korean latvian lithuanian
		malay norwegian polish portuguese romanian russian serbian slovak slovenian spanish swedish thai turkish
		ukrainian vietnamese welsh`)
	countries = strings.Fields(`us uk argentina australia austria belgium brazil canada chile china colombia denmark
		finland france germany india ireland italy japan mexico netherlands norway poland portugal russia spain sweden
		switzerland turkey`)
	genders = []string{"female", "male"}
)

// synonyms of words in selectors, in lower case.
var synonyms = map[string]string{
	"gb": "uk", "usa": "us", "britain": "uk", "british": "uk", "american": "us", "woman": "female", "man": "male",
}

// Engine is an engine as selectors see it.
type Engine struct {
	Name   string
	Voices []Voice // the first is the default
}

// Match is a voice and its engine's place in the list it was found in.
type Match struct {
	Engine int
	Voice  Voice
}

// Find lists the voices that fit every word of a selector, in order. A word
// fits if it is the language, country, gender, name or ID of the voice or the
// name of its engine, whatever its case; each of these counts once. A name or
// ID of several words and "engine/ID" fit too. An empty selector fits every
// engine's default.
func Find(engines []Engine, selector string) []Match {
	var found []Match
	words := split(selector)
	for i, e := range engines {
		voices := e.Voices
		if len(voices) == 0 {
			voices = []Voice{{}}
		}
		if len(words) == 0 {
			found = append(found, Match{i, voices[0]})
			continue
		}
		for _, v := range voices {
			if fits(e.Name, v, words) {
				found = append(found, Match{i, v})
			}
		}
	}
	return found
}

// Stand finds for each engine the voice that can best stand in for v: one of
// its language, then of its gender, then of its country. Engines without a
// voice of the language are left out.
func Stand(engines []Engine, v Voice) []Match {
	var found []Match
	for i, e := range engines {
		best, score := Voice{}, -1
		for _, c := range e.Voices {
			if c.Language != "" && v.Language != "" && !strings.EqualFold(c.Language, v.Language) {
				continue
			}
			s := 0
			if strings.EqualFold(c.Gender, v.Gender) {
				s += 2
			}
			if strings.EqualFold(c.Country, v.Country) {
				s++
			}
			if s > score {
				best, score = c, s
			}
		}
		if score >= 0 || len(e.Voices) == 0 {
			found = append(found, Match{i, best})
		}
	}
	return found
}

func split(s string) []string {
	words := strings.Fields(strings.ToLower(s))
	for i, w := range words {
		if other, ok := synonyms[w]; ok {
			words[i] = other
		}
	}
	return words
}

// fits reports whether each word is for a property of its own.
func fits(engine string, v Voice, words []string) bool {
	if slices.Equal(words, split(engine+"/"+v.ID)) {
		return true
	}
	properties := []property{
		{split(v.Language), languages},
		{split(v.Country), countries},
		{split(v.Gender), genders},
		{split(engine), nil},
		{split(v.Name), nil},
		{split(v.ID), nil},
	}
	for len(words) > 0 {
		i := slices.IndexFunc(properties, func(p property) bool { return p.length(words) > 0 })
		if i < 0 {
			return false
		}
		words = words[properties[i].length(words):]
		properties = slices.Delete(properties, i, i+1)
	}
	return true
}

// property is something that a selector can say about a voice.
type property struct {
	words []string // what the voice has
	any   []string // what fits if it has nothing
}

// length is the number of words at the beginning of a selector that fit.
func (p property) length(words []string) int {
	switch {
	case len(p.words) == 0 && slices.Contains(p.any, words[0]):
		return 1
	case len(p.words) > 0 && len(p.words) <= len(words) && slices.Equal(p.words, words[:len(p.words)]):
		return len(p.words)
	}
	return 0
}
