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

// languages are the words that a selector may begin with for a voice that
// speaks any language.
var languages = []string{
	"Arabic", "Bulgarian", "Catalan", "Chinese", "Croatian", "Czech", "Danish", "Dutch", "English", "Estonian",
	"Finnish", "French", "German", "Greek", "Hebrew", "Hindi", "Hungarian", "Icelandic", "Indonesian", "Italian",
	"Japanese", "Korean", "Latvian", "Lithuanian", "Malay", "Norwegian", "Polish", "Portuguese", "Romanian",
	"Russian", "Serbian", "Slovak", "Slovenian", "Spanish", "Swedish", "Thai", "Turkish", "Ukrainian",
	"Vietnamese", "Welsh",
}

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
	if len(words) == 1 && words[0] == strings.ToLower(engine+"/"+v.ID) {
		return true
	}
	properties := [][]string{split(v.Country), split(v.Gender), split(engine), split(v.Name), split(v.ID)}
	if v.Language != "" {
		properties = append(properties, split(v.Language))
	} else if slices.ContainsFunc(languages, func(l string) bool { return strings.EqualFold(l, words[0]) }) {
		words = words[1:]
	}
	for len(words) > 0 {
		i := slices.IndexFunc(properties, func(p []string) bool {
			return len(p) > 0 && len(p) <= len(words) && slices.Equal(p, words[:len(p)])
		})
		if i < 0 {
			return false
		}
		words = words[len(properties[i]):]
		properties = slices.Delete(properties, i, i+1)
	}
	return true
}
