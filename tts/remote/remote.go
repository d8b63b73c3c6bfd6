package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mediaserver/audio"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
	"mediaserver/tts/template"
)

// Bounds of an answer.
const (
	maxAnswer   = 32 << 20 // bytes
	maxHeader   = 64 << 10 // bytes
	connectTime = 3 * time.Second
	idleTime    = time.Minute
	idleConns   = 4
)

// contentType is the name of the header.
const contentType = "Content-Type"

// Config describes the request to a server. URL is required; URL, Headers and
// Body are templates.
type Config struct {
	URL       string
	Method    string            // "" means POST with a Body, else GET
	Headers   map[string]string // Content-Type is application/json if there is a Body and none is given
	Body      string
	Key       string            // what {key} stands for
	Format    sound.Format      // of the answer; Auto also goes by its Content-Type
	Rate      int               // of raw samples [Hz]
	Voices    []speech.Voice    // the first is the default
	Transport http.RoundTripper // nil means one of the engine's own
}

// LogValue shows neither key nor headers nor body.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("host", host(c.URL)), slog.String("method", c.Method), slog.String("format", c.Format.String()))
}

// OpenAI describes a server with the interface of OpenAI's speech synthesis.
// The address ends in /v1/audio/speech as a rule.
func OpenAI(address, model string) Config {
	if model == "" {
		model = "tts-1"
	}
	c := Config{
		URL:     address,
		Headers: map[string]string{"Authorization": "Bearer {key}"},
		Body:    `{"model":"` + template.JSON(model) + `","input":"{text}","voice":"{voice}","speed":{rate},"response_format":"wav"}`,
		Format:  sound.Auto,
	}
	for _, v := range [][2]string{
		{"nova", "Female"}, {"alloy", "Female"}, {"echo", "Male"}, {"fable", "Male"}, {"onyx", "Male"}, {"shimmer", "Female"},
	} {
		c.Voices = append(c.Voices, speech.Voice{ID: v[0], Gender: v[1]})
	}
	return c
}

// Engine asks a server.
type Engine struct {
	cfg    Config
	escape func(string) string
	client http.Client
	own    *http.Transport // nil if it was given
}

// New makes an engine; it does not ask the server anything.
func New(cfg Config) (*Engine, error) {
	u, err := url.Parse(address(cfg.URL, values(speech.Request{}, "")))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("remote: URL is not an address that begins with http:// or https://")
	}
	if cfg.Format == sound.Raw && cfg.Rate <= 0 {
		return nil, errors.New("remote: raw sound needs a rate")
	}
	for _, t := range append(slices.Collect(maps.Values(cfg.Headers)), cfg.URL, cfg.Body) {
		if err := template.Check(t, values(speech.Request{}, "")); err != nil {
			return nil, fmt.Errorf("remote: %w", err)
		}
	}
	headers := http.Header{}
	for k, v := range cfg.Headers {
		headers.Set(k, v)
	}
	if cfg.Body != "" && headers.Get(contentType) == "" {
		headers.Set(contentType, "application/json")
	}
	cfg.Headers = map[string]string{}
	for k := range headers {
		cfg.Headers[k] = headers.Get(k)
	}
	if cfg.Method == "" {
		cfg.Method = http.MethodGet
		if cfg.Body != "" {
			cfg.Method = http.MethodPost
		}
	}
	e := &Engine{cfg: cfg}
	if cfg.Body != "" {
		if e.escape, err = escaper(cfg.Headers[contentType]); err != nil {
			return nil, err
		}
	}
	if cfg.Transport == nil {
		e.own = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout: connectTime, MaxIdleConnsPerHost: idleConns, IdleConnTimeout: idleTime,
			MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true,
		}
		cfg.Transport = e.own
	}
	e.client = http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return e, nil
}

// Voices are those of the configuration.
func (e *Engine) Voices() []speech.Voice { return e.cfg.Voices }

// Synthesize speaks an utterance at whatever rate the server has. Errors wrap
// speech.ErrFailed, or are the cause of ctx's end.
func (e *Engine) Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error) {
	if r.Voice.ID == "" && len(e.cfg.Voices) > 0 {
		r.Voice = e.cfg.Voices[0]
	}
	c, err := e.ask(ctx, r)
	if cause := context.Cause(ctx); cause != nil {
		return audio.Clip{}, cause
	}
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: %s: %w", speech.ErrFailed, host(e.cfg.URL), err)
	}
	return c, nil
}

// request fills in the templates.
func (e *Engine) request(ctx context.Context, r speech.Request) (*http.Request, error) {
	v := values(r, e.cfg.Key)
	var body io.Reader
	if e.cfg.Body != "" {
		body = strings.NewReader(template.Expand(e.cfg.Body, v, e.escape))
	}
	q, err := http.NewRequestWithContext(ctx, e.cfg.Method, address(e.cfg.URL, v), body)
	if err != nil {
		return nil, errors.New("the address cannot be used") // without the address: it may hold the key
	}
	for k, h := range e.cfg.Headers {
		q.Header.Set(k, inHeader(template.Expand(h, v, inHeader)))
	}
	return q, nil
}

func (e *Engine) ask(ctx context.Context, r speech.Request) (audio.Clip, error) {
	q, err := e.request(ctx, r)
	if err != nil {
		return audio.Clip{}, err
	}
	a, err := e.client.Do(q)
	if err != nil {
		return audio.Clip{}, bare(err)
	}
	defer a.Body.Close() //nolint:errcheck // read only: nothing can be lost
	if a.StatusCode != http.StatusOK {
		// What it says could repeat text or key.
		return audio.Clip{}, fmt.Errorf("status %d", a.StatusCode)
	}
	media := a.Header.Get(contentType)
	format := e.format(media)
	if format == sound.Raw && isText(media) { // it would be noise
		return audio.Clip{}, fmt.Errorf("an answer of type %.40q, not audio", media)
	}
	data, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	switch {
	case err != nil:
		return audio.Clip{}, bare(err)
	case len(data) > maxAnswer:
		return audio.Clip{}, fmt.Errorf("more than %d bytes of sound", maxAnswer)
	}
	return sound.Decode(data, format, e.cfg.Rate)
}

// isText reports whether a type is that of a message rather than of sound.
func isText(media string) bool {
	media, _, _ = strings.Cut(strings.ToLower(media), ";")
	media = strings.TrimSpace(media)
	return media == "application/json" || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "xml") || media == "text/html"
}

// format is the form of an answer.
func (e *Engine) format(media string) sound.Format {
	if e.cfg.Format != sound.Auto {
		return e.cfg.Format
	}
	switch media, _, _ = strings.Cut(media, ";"); media {
	case "audio/mpeg", "audio/mp3":
		return sound.MP3
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return sound.WAV
	}
	return sound.Auto
}

// bare takes the address out of an error.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// host is the only part of an address that is shown.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.Contains(u.Host, "{") {
		return "speech server"
	}
	return u.Host
}

// Close gives up idle connections.
func (e *Engine) Close() error {
	if e.own != nil {
		e.own.CloseIdleConnections()
	}
	return nil
}
