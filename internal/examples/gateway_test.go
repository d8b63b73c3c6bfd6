package examples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// gateway hands the requests of the server on to an application, keeps them,
// and makes the texts that the application wants to be spoken files with a
// tone for each.
type gateway struct {
	t      *testing.T
	server *httptest.Server
	app    string // address of the application
	media  string // directory of the media store
	plain  bool   // texts stay texts

	mu       sync.Mutex
	requests []asked
	tones    map[string]float64 // by text
}

// asked is one request of a page.
type asked struct {
	path string
	info instanceInfo
}

// instanceInfo is what a page is told.
type instanceInfo struct {
	Call struct {
		From  string `json:"call_from"`
		To    string `json:"call_to"`
		Cause string `json:"call_cause"`
	} `json:"this_call"`
	Result struct {
		Result struct {
			Connected *float64 `json:"seconds_connected_duration"`
		} `json:"result"`
	} `json:"action_result"`
	Error struct {
		Result string `json:"result"`
	} `json:"error_result"`
}

func newGateway(t *testing.T, app string, plain bool) *gateway {
	g := &gateway{t: t, app: app, plain: plain, media: t.TempDir(), tones: map[string]float64{}}
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		g.server.Close()
	})
	return g
}

// ServeHTTP is one page.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := g.ask(r)
	if err != nil {
		g.t.Errorf("%s: %v", r.URL.Path, err)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Write(body) //nolint:errcheck // the server has gone
}

func (g *gateway) ask(r *http.Request) ([]byte, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	q := asked{path: r.URL.Path}
	if err := json.Unmarshal(sent, &q.info); err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.requests = append(g.requests, q)
	g.mu.Unlock()
	onward, err := http.NewRequestWithContext(r.Context(), r.Method, g.app+r.URL.RequestURI(), bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	onward.Header = r.Header.Clone()
	onward.Header.Del("Accept-Encoding")
	resp, err := http.DefaultClient.Do(onward)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json") {
		err = fmt.Errorf("status %d, content type %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, body)
	}
	var answer any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %s", err, body)
	}
	if g.plain {
		return body, nil
	}
	if err := g.voice(answer); err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// voice gives every text in an answer its file.
func (g *gateway) voice(v any) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := g.voice(e); err != nil {
				return err
			}
		}
	case map[string]any:
		if text, ok := v["text_to_say"].(string); ok {
			name, err := g.file(text)
			delete(v, "text_to_say")
			v["file_to_play"] = name
			return err
		}
		for _, e := range v {
			if err := g.voice(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tones of texts begin here [Hz], this far from each other.
const (
	firstTone = 1000
	toneStep  = 170
)

// file makes the file of a text, if there is none.
func (g *gateway) file(text string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	freq, known := g.tones[text]
	if !known {
		freq = firstTone + toneStep*float64(len(g.tones))
		g.tones[text] = freq
	}
	name := fmt.Sprintf("text-%.0f.wav", freq)
	if known {
		return name, nil
	}
	f, err := os.Create(filepath.Join(g.media, name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return name, wav.Encode(f, wav.PCM16, audio.ToneClip(8000, []float64{freq}, -12, 600*time.Millisecond, 0))
}

// tone is that of the text which begins so; 0 if nobody said it.
func (g *gateway) tone(begins string) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	for text, freq := range g.tones {
		if strings.HasPrefix(text, begins) {
			return freq
		}
	}
	return 0
}

// course are the pages asked on behalf of a caller, in order.
func (g *gateway) course(caller string) []asked {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []asked
	for _, q := range g.requests {
		if q.info.Call.From == caller {
			list = append(list, q)
		}
	}
	return list
}
