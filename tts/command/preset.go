package command

import (
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
)

// Presets lists the names that Preset knows.
func Presets() []string { return []string{"espeak-ng", "flite", "piper"} }

// Preset is the description of a known program. piper needs voices, whose IDs
// are the files of their models.
func Preset(name string) (Config, bool) {
	switch name {
	case "espeak-ng":
		return Config{
			Command: []string{"espeak-ng", "--stdin", "--stdout", "-v", "{voice}", "-s", "{wpm}"},
			Format:  sound.WAV, Voices: espeakVoices(),
		}, true
	case "flite":
		return Config{
			Command: []string{"flite", "-voice", "{voice}", "--setf", "duration_stretch={stretch}", "-f", "-", "-o", "{output}"},
			Format:  sound.WAV, Voices: []speech.Voice{
				{ID: "slt", Language: "English", Country: "US", Gender: "Female", Name: "Ann"},
				{ID: "rms", Language: "English", Country: "US", Gender: "Male", Name: "Tom"},
				{ID: "awb", Language: "English", Country: "UK", Gender: "Male", Name: "Alan"},
				{ID: "kal16", Language: "English", Country: "US", Gender: "Male", Name: "Kal"},
			},
		}, true
	case "piper":
		return Config{
			Command: []string{"piper", "--model", "{voice}", "--json-input", "--quiet"},
			Warm:    true, Format: sound.WAV,
		}, true
	}
	return Config{}, false
}

// espeakVoices are voices for some of espeak-ng's languages; "+f2" makes one
// female.
func espeakVoices() []speech.Voice {
	list := []speech.Voice{
		{ID: "en-gb", Language: "English", Country: "UK", Gender: "Male"},
		{ID: "en-gb+f2", Language: "English", Country: "UK", Gender: "Female"},
		{ID: "en-us", Language: "English", Country: "US", Gender: "Male"},
		{ID: "en-us+f2", Language: "English", Country: "US", Gender: "Female"},
		{ID: "pt-br", Language: "Portuguese", Country: "Brazil", Gender: "Male"},
		{ID: "pt-br+f2", Language: "Portuguese", Country: "Brazil", Gender: "Female"},
		{ID: "es-419", Language: "Spanish", Country: "Mexico", Gender: "Male"},
		{ID: "es-419+f2", Language: "Spanish", Country: "Mexico", Gender: "Female"},
	}
	for _, l := range [][3]string{
		{"ar", "Arabic", ""},
		{"bg", "Bulgarian", "Bulgaria"},
		{"ca", "Catalan", "Spain"},
		{"cmn", "Chinese", "China"},
		{"hr", "Croatian", "Croatia"},
		{"cs", "Czech", "Czechia"},
		{"da", "Danish", "Denmark"},
		{"nl", "Dutch", "Netherlands"},
		{"et", "Estonian", "Estonia"},
		{"fi", "Finnish", "Finland"},
		{"fr", "French", "France"},
		{"de", "German", "Germany"},
		{"el", "Greek", "Greece"},
		{"hi", "Hindi", "India"},
		{"hu", "Hungarian", "Hungary"},
		{"is", "Icelandic", "Iceland"},
		{"id", "Indonesian", "Indonesia"},
		{"it", "Italian", "Italy"},
		{"lv", "Latvian", "Latvia"},
		{"lt", "Lithuanian", "Lithuania"},
		{"nb", "Norwegian", "Norway"},
		{"pl", "Polish", "Poland"},
		{"pt", "Portuguese", "Portugal"},
		{"ro", "Romanian", "Romania"},
		{"ru", "Russian", "Russia"},
		{"sr", "Serbian", "Serbia"},
		{"sk", "Slovak", "Slovakia"},
		{"sl", "Slovenian", "Slovenia"},
		{"es", "Spanish", "Spain"},
		{"sv", "Swedish", "Sweden"},
		{"tr", "Turkish", "Turkey"},
		{"uk", "Ukrainian", "Ukraine"},
		{"vi", "Vietnamese", "Vietnam"},
		{"cy", "Welsh", "UK"},
	} {
		list = append(list,
			speech.Voice{ID: l[0], Language: l[1], Country: l[2], Gender: "Male"},
			speech.Voice{ID: l[0] + "+f2", Language: l[1], Country: l[2], Gender: "Female"})
	}
	return list
}
