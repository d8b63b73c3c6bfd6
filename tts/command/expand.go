package command

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mediaserver/tts/speech"
	"mediaserver/tts/template"
)

// Names of placeholders.
const (
	textName   = "text"
	outputName = "output"
)

// wordsPerMinute is the speed of speech at rate 1.
const wordsPerMinute = 175

// values are what the placeholders stand for.
func values(r speech.Request, output string) template.Values {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	speed := r.Speed()
	return template.Values{
		textName: r.Text, outputName: output, "voice": r.Voice.ID, "language": r.Voice.Language,
		"rate": number(speed), "wpm": number(math.Round(wordsPerMinute * speed)),
		"stretch": number(math.Round(1000/speed) / 1000),
	}
}

// arguments fills in a command. A text at the beginning of an argument cannot
// become an option: a blank goes before a minus.
func arguments(command []string, values template.Values) []string {
	list := make([]string, len(command))
	for i, a := range command {
		list[i] = template.Expand(a, values, func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
		if strings.HasPrefix(a, "{"+textName+"}") && strings.HasPrefix(list[i], "-") {
			list[i] = " " + list[i]
		}
	}
	return list
}

// check finds placeholders that do not exist.
func check(command []string) error {
	for _, a := range command {
		if err := template.Check(a, values(speech.Request{}, "")); err != nil {
			return fmt.Errorf("command: %w", err)
		}
	}
	return nil
}
