package main

import (
	"bytes"
	"log"
	"testing"

	"mediaserver/cmd/mediaserver/internal/config"
)

func TestLibrariesLogInTheFormOfTheProcess(t *testing.T) {
	var text bytes.Buffer
	restore := logLibraries(newLogger(&text, config.Log{Level: "info", Format: "json"}))
	log.Printf("Unsolicited response %q", "<h1>")
	restore()
	if want := `"level":"WARN","msg":"Unsolicited response \"<h1>\""}` + "\n"; !bytes.HasSuffix(text.Bytes(), []byte(want)) || text.Bytes()[0] != '{' {
		t.Errorf("log %s, want the end %s", text.String(), want)
	}
}
