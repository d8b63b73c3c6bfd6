package config

import (
	"fmt"
	"net/textproto"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// TTS is the speech synthesis.
type TTS struct {
	Engine         string          `yaml:"engine"`
	Voice          string          `yaml:"voice"`
	Voices         []VoiceSelector `yaml:"voices"`
	Fallback       bool            `yaml:"fallback"`
	TimeoutSeconds int             `yaml:"timeout_seconds" range:"1..600"`
	CacheDirectory string          `yaml:"cache_directory"`
	CacheMegabytes int             `yaml:"cache_megabytes" range:"1..1048576"`
	FliteModule    string          `yaml:"flite_module"`
	Engines        []SpeechEngine  `yaml:"engines"`
}

// VoiceSelector says which voice is meant by words of the operator's own.
type VoiceSelector struct {
	Selector string `yaml:"selector"`
	Voice    string `yaml:"voice"`
}

// Timeout is how long an engine may take for a piece of text.
func (t TTS) Timeout() time.Duration { return time.Duration(t.TimeoutSeconds) * time.Second }

// Values of TTS.Engine that are no names of engines.
const (
	SpeechAuto = "auto"
	SpeechNone = "none"
)

// Kinds of speech engines.
const (
	SpeechExec = "exec"
	SpeechHTTP = "http"
)

// SpeechEngine is a program or a server that speaks.
type SpeechEngine struct {
	Name           string `yaml:"name"`
	Kind           string `yaml:"kind" enum:"exec|http"`
	Preset         string `yaml:"preset" enum:"|espeak-ng|flite|piper|openai"`
	SpeechProgram  `yaml:",inline"`
	SpeechServer   `yaml:",inline"`
	Format         string        `yaml:"format" enum:"auto|wav|raw|mp3"`
	SampleRate     int           `yaml:"sample_rate" range:"0..192000"`
	TimeoutSeconds int           `yaml:"timeout_seconds" range:"0..600"`
	Concurrency    int           `yaml:"concurrency" range:"0..1000"`
	Voices         []SpeechVoice `yaml:"voices"`
}

// SpeechProgram is what only engines of kind exec have.
type SpeechProgram struct {
	Command []string `yaml:"command"`
	Warm    bool     `yaml:"warm"`
	Line    string   `yaml:"line"`
}

// SpeechServer is what only engines of kind http have.
type SpeechServer struct {
	URL     Address  `yaml:"url"`
	Method  string   `yaml:"method" enum:"|GET|POST"`
	Headers []Header `yaml:"headers"`
	Body    string   `yaml:"body"`
	Model   string   `yaml:"model"`
	Key     Secret   `yaml:"key" secret:"true"`
	KeyFile string   `yaml:"key_file"`

	// Secret is the key, also if it is in a file.
	Secret Secret `yaml:"-"`
}

// SpeechVoice is a voice of an engine.
type SpeechVoice struct {
	ID       string `yaml:"id"`
	Language string `yaml:"language"`
	Country  string `yaml:"country"`
	Gender   string `yaml:"gender"`
	Name     string `yaml:"name"`
}

// setDefaults fills what holds for an engine that says nothing.
func (e *SpeechEngine) setDefaults() {
	*e = SpeechEngine{
		Format: "auto", Voices: []SpeechVoice{},
		SpeechProgram: SpeechProgram{Command: []string{}},
		SpeechServer:  SpeechServer{Headers: []Header{}},
	}
}

// Timeout is the engine's own, 0 for that of all.
func (e *SpeechEngine) Timeout() time.Duration {
	return time.Duration(e.TimeoutSeconds) * time.Second
}

// Address is a URL that shows itself without the password it may hold.
type Address string

// String is the address without the password.
func (a Address) String() string { return redactURL(string(a)) }

// Header is a line "Name: value" of a request. It shows itself without the
// value where that may be a secret.
type Header string

// Split is the name and the value; ok is false if it is no header.
func (h Header) Split() (name, value string, ok bool) {
	name, value, ok = strings.Cut(string(h), ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" || value == "" || strings.ContainsFunc(name, notInToken) || strings.ContainsAny(value, "\r\n\x00") {
		return "", "", false
	}
	return textproto.CanonicalMIMEHeaderKey(name), value, true
}

// String is the header; its value is shown if it is what the engine's key is
// put into, or harmless by its name.
func (h Header) String() string {
	name, value, ok := h.Split()
	switch {
	case !ok:
		return mask
	case strings.Contains(value, "{key}"), slices.Contains([]string{"Accept", "Content-Type", "User-Agent"}, name):
		return string(h)
	}
	return name + ": " + mask
}

// GoString is as String.
func (h Header) GoString() string { return fmt.Sprintf("%q", h.String()) }

// notInToken says whether a rune may not stand in the name of a header (RFC
// 9110 §5.6.2).
func notInToken(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// Presets of each kind.
var (
	execPresets = []string{"espeak-ng", "flite", "piper"}
	httpPresets = []string{"openai"}
)

// validateTTS checks what package tts would not refuse with a place.
func (d *decoder) validateTTS(t *TTS) {
	if t.Engine == "" {
		d.at("tts.engine", "must be %s, %s or the name of an engine", SpeechAuto, SpeechNone)
	}
	first := map[string]int{}
	for i, v := range t.Voices {
		path := fmt.Sprintf("tts.voices[%d]", i)
		folded := strings.ToLower(strings.Join(strings.Fields(v.Selector), " "))
		switch j, taken := first[folded]; {
		case folded == "":
			d.at(join(path, "selector"), "is missing")
		case taken:
			d.at(join(path, "selector"), "%q is that of tts.voices[%d] already%s", v.Selector, j, inLine(d.place(fmt.Sprintf("tts.voices[%d].selector", j))))
		default:
			first[folded] = i
		}
		if v.Voice == "" {
			d.at(join(path, "voice"), "is missing")
		}
	}
	d.unique("tts.engines", len(t.Engines), func(i int) string { return t.Engines[i].Name })
	for i := range t.Engines {
		d.validateEngine(&t.Engines[i], fmt.Sprintf("tts.engines[%d]", i))
	}
}

// validateEngine checks one engine beyond its single values.
func (d *decoder) validateEngine(e *SpeechEngine, path string) {
	switch name := join(path, "name"); {
	case e.Name == SpeechAuto || e.Name == SpeechNone:
		d.at(name, "%q has a meaning of its own in tts.engine; choose another name", e.Name)
	case len(e.Name) > maxName || strings.ContainsFunc(e.Name, notInName):
		d.at(name, "%q must be 1 to %d letters, digits, spaces or any of . _ -", e.Name, maxName)
	}
	switch e.Kind {
	case SpeechExec:
		d.foreign(e.SpeechServer, SpeechServer{}, SpeechHTTP, path)
		d.validatePreset(e, execPresets, path)
		if len(e.Command) == 0 && e.Preset == "" {
			d.at(join(path, "command"), "is missing; name the program and its arguments, or a preset")
		}
	case SpeechHTTP:
		d.foreign(e.SpeechProgram, SpeechProgram{}, SpeechExec, path)
		d.validatePreset(e, httpPresets, path)
		if e.URL == "" {
			d.at(join(path, "url"), "is missing")
		} else if u, err := url.Parse(string(e.URL)); err == nil && !isPort(u.Port()) {
			d.at(join(path, "url"), "the port must be from 1 to 65535") // package tts tells the rest
		}
		for i, h := range e.Headers {
			if _, _, ok := h.Split(); !ok {
				d.at(fmt.Sprintf("%s.headers[%d]", path, i), "must be a text such as \"Name: value\"")
			}
		}
	default:
		if !d.given(join(path, "kind")) {
			d.at(join(path, "kind"), "is missing; it is %s or %s", SpeechExec, SpeechHTTP)
		}
	}
	if e.Format == "raw" && e.SampleRate == 0 {
		d.at(join(path, "sample_rate"), "is missing; raw sound does not say what its rate is")
	}
	for i, v := range e.Voices {
		if v.ID == "" {
			d.at(fmt.Sprintf("%s.voices[%d].id", path, i), "is missing")
		}
	}
}

// foreign refuses what is set although it belongs to another kind of engine.
func (d *decoder) foreign(set, unset any, kind, path string) {
	v, none := reflect.ValueOf(set), reflect.ValueOf(unset)
	for _, f := range fieldsOf(v.Type()) {
		if p := join(path, f.name); !equal(v.FieldByIndex(f.index), none.FieldByIndex(f.index)) {
			d.at(p, "is only for engines of kind %s", kind)
		}
	}
}

// validatePreset requires one of those of the engine's kind.
func (d *decoder) validatePreset(e *SpeechEngine, known []string, path string) {
	if e.Preset != "" && !slices.Contains(known, e.Preset) {
		d.at(join(path, "preset"), "%q is not for kind %s; available: %s", e.Preset, e.Kind, strings.Join(known, ", "))
	}
}
