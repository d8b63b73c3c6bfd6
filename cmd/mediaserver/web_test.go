package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

func TestServerPlaysMediaFromAnAddress(t *testing.T) {
	const freq = 700
	var file bytes.Buffer
	if err := wav.Encode(&file, wav.PCM16, audio.ToneClip(8000, []float64{freq}, -12, 5*time.Second, 0)); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if agent := r.Header.Get("User-Agent"); agent != userAgent() {
			t.Errorf("User-Agent %q", agent)
		}
		w.Header().Set("Content-Type", "audio/wav")
		w.Write(file.Bytes())
	}))
	defer web.Close()
	app := &application{first: `{"actions":[{"play":{"play_list":[{"file_to_play":"` + web.URL + `/tone.wav"}]}}]}`}
	i := startServer(t, withApplication(t, testConfig(t), app))
	c, err := i.dial("app")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the tone is heard", func() bool { return c.ToneLevel(freq, 500*time.Millisecond) > -30 })
	c.HangUp(t.Context())
	i.drain()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}
