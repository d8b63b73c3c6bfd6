package events

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Defaults and bounds of webhooks.
const (
	DefaultWebhookTimeout = 10 * time.Second
	DefaultGiveUpAfter    = time.Hour
	DefaultMaxLag         = 100_000

	webhookBatch   = 100 // events in one request
	firstPause     = time.Second
	longestPause   = time.Minute
	placeInterval  = time.Second // between notes of the place
	maxAnswerBytes = 64 << 10    // of an answer, which is not looked at
)

// Headers of webhook requests, as of page requests.
const (
	timestampHeader = "X-Mediaserver-Timestamp"
	signatureHeader = "X-Mediaserver-Signature"
)

// Webhook is an address that is told of every event.
type Webhook struct {
	Name        string
	URL         string        // http or https; a login in it is sent as Basic
	Secret      string        // signs requests; "" = they are not signed
	Timeout     time.Duration // of a request; 0 = 10 s
	GiveUpAfter time.Duration // events that could not be delivered for so long are dead letters; 0 = 1 h
	MaxLag      int           // events more than so many behind are dead letters; 0 = 100 000
}

// Validate says what is wrong with a webhook.
func (w Webhook) Validate() error {
	u, err := url.Parse(w.URL)
	switch {
	case w.Name == "":
		return errors.New("events: a webhook needs a name")
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("events: webhook %s: not an http or https address", w.Name)
	}
	return nil
}

func (w Webhook) withDefaults() Webhook {
	setDefault(&w.Timeout, DefaultWebhookTimeout)
	setDefault(&w.GiveUpAfter, DefaultGiveUpAfter)
	setDefault(&w.MaxLag, DefaultMaxLag)
	return w
}

// Places keeps how far each webhook has come: *store.Documents.
type Places interface {
	Put(key string, v any) error
	Each(f func(key string, value []byte) error) error
}

// WebhooksConfig says what Webhooks works with; Log is required.
type WebhooksConfig struct {
	Log       *Log
	List      []Webhook
	Places    Places            // nil: after a start all begin with what is new
	Transport http.RoundTripper // nil = http.DefaultTransport
	UserAgent string
	Logger    *slog.Logger // nil = none
}

// Webhooks deliver events to addresses: all events, in order, at least once.
type Webhooks struct {
	cfg    WebhooksConfig
	client *http.Client
	from   map[string]uint64
}

// errRedirect: webhooks do not follow redirects.
var errRedirect = errors.New("events: a webhook must not redirect")

// NewWebhooks makes Webhooks that go on where they were; one that is new
// begins with the next event. It starts nothing.
func NewWebhooks(cfg WebhooksConfig) (*Webhooks, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Webhooks{cfg: cfg, from: map[string]uint64{}, client: &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}}
	for i, hook := range cfg.List {
		if err := hook.Validate(); err != nil {
			return nil, err
		}
		if _, twice := w.from[hook.Name]; twice {
			return nil, fmt.Errorf("events: two webhooks are named %q", hook.Name)
		}
		w.cfg.List[i] = hook.withDefaults()
		_, w.from[hook.Name] = cfg.Log.Range()
		cfg.Log.cfg.Metrics.begin(hook.Name)
	}
	if cfg.Places == nil {
		return w, nil
	}
	err := cfg.Places.Each(func(name string, raw []byte) error {
		var at uint64
		if _, configured := w.from[name]; configured && json.Unmarshal(raw, &at) == nil {
			w.from[name] = at
		}
		return nil
	})
	return w, err
}

// Run delivers until ctx ends. A request under way is then given up, and made
// again after the next start.
func (w *Webhooks) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, hook := range w.cfg.List {
		d := &delivery{Webhook: hook, hooks: w, place: w.from[hook.Name], log: w.cfg.Logger.With("webhook", hook.Name)}
		running.Go(func() { d.run(ctx) })
	}
	<-ctx.Done()
	running.Wait()
	w.client.CloseIdleConnections()
	return nil
}

// delivery is a webhook at work.
type delivery struct {
	Webhook
	hooks *Webhooks
	log   *slog.Logger
	place uint64    // delivered, or given up
	noted time.Time // when the place was kept last
}

// run delivers batch after batch until ctx ends.
func (d *delivery) run(ctx context.Context) {
	d.note(true)
	defer d.note(true)
	for ctx.Err() == nil {
		batch, err := d.next(ctx)
		if err != nil {
			continue // ctx has ended
		}
		if d.deliver(ctx, batch) {
			d.place = batch[len(batch)-1].Sequence
			d.note(false)
		}
	}
}

// next waits for events. What is too far behind, or no longer there, is
// given up.
func (d *delivery) next(ctx context.Context) ([]Message, error) {
	l := d.hooks.cfg.Log
	for {
		oldest, latest := l.Range()
		if d.place > latest { // the history is another one
			d.log.Warn("the history of events has begun anew", "place", d.place, "latest", latest)
			d.place = latest
		}
		if from := max(oldest, latest-min(latest, uint64(d.MaxLag))+1); d.place+1 < from {
			d.skipTo(from, "too many behind")
		}
		l.cfg.Metrics.lag.WithLabelValues(d.Name).Set(float64(latest - d.place))
		batch, err := l.Read(d.place, webhookBatch)
		if err == nil && len(batch) > 0 {
			return batch, nil
		}
		if lost, ok := errors.AsType[*RangeError](err); ok {
			d.skipTo(lost.Oldest, "not in the history")
			continue
		}
		if err != nil {
			d.log.Warn("the history of events cannot be read", "error", err)
			if !sleep(ctx, firstPause) {
				return nil, context.Cause(ctx)
			}
			continue
		}
		select {
		case <-l.changed(d.place):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// skipTo gives up what comes before an event.
func (d *delivery) skipTo(event uint64, why string) {
	d.giveUp(event-1-d.place, why)
	d.place = event - 1
}

func (d *delivery) giveUp(events uint64, why string) {
	d.hooks.cfg.Log.cfg.Metrics.dead.WithLabelValues(d.Name).Add(float64(events))
	d.log.Warn("events given up", "events", events, "reason", why)
}

// deliver tries until the batch is taken or given up; false is the end of ctx.
func (d *delivery) deliver(ctx context.Context, batch []Message) bool {
	metrics := d.hooks.cfg.Log.cfg.Metrics
	body := d.body(batch)
	begun := time.Now()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		outcome, err := d.post(ctx, body)
		if ctx.Err() != nil && err != nil {
			return false
		}
		metrics.attempts.WithLabelValues(d.Name, outcome).Inc()
		if err == nil {
			metrics.delivered.WithLabelValues(d.Name).Add(float64(len(batch)))
			return true
		}
		d.log.Info("webhook not taken", "outcome", outcome, "error", err, "events", len(batch), "again_in_ms", pause.Milliseconds())
		if time.Since(begun)+pause > d.GiveUpAfter {
			d.giveUp(uint64(len(batch)), "not taken for too long")
			return true
		}
		if !sleep(ctx, pause+time.Duration(rand.Int64N(int64(pause/4)+1))) {
			return false
		}
	}
}

// body is the JSON of a batch.
func (d *delivery) body(batch []Message) []byte {
	name, _ := json.Marshal(d.Name) //nolint:errcheck // a string
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"webhook":%s,"events":[`, name)
	for i, m := range batch {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(m.JSON)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// post makes one request; the outcome is ok, status or failed.
func (d *delivery) post(ctx context.Context, body []byte) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return outcomeFailed, errors.New("not an address") // err has the address with its login
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", d.hooks.cfg.UserAgent)
	if d.Secret != "" {
		sign(r.Header, d.Secret, body, time.Now())
	}
	resp, err := d.hooks.client.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return outcomeFailed, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerBytes)); err != nil && resp.StatusCode/100 == 2 {
		return outcomeFailed, err
	}
	if resp.StatusCode/100 != 2 {
		return outcomeStatus, fmt.Errorf("answered with status %d", resp.StatusCode)
	}
	return outcomeOK, nil
}

// sign adds the signature of page requests, protocol §3.3.
func sign(h http.Header, secret string, body []byte, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	h.Set(timestampHeader, timestamp)
	h.Set(signatureHeader, "v1="+hex.EncodeToString(mac.Sum(nil)))
}

// note keeps the place, now and then or at once.
func (d *delivery) note(atOnce bool) {
	if d.hooks.cfg.Places == nil || !atOnce && time.Since(d.noted) < placeInterval {
		return
	}
	d.noted = time.Now()
	if err := d.hooks.cfg.Places.Put(d.Name, d.place); err != nil {
		d.log.Warn("the place of a webhook cannot be kept", "error", err)
	}
}

// sleep waits; false is the end of ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
