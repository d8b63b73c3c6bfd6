package restapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
)

// Defaults of a Fetcher.
const (
	defaultFirstByte  = 10 * time.Second
	defaultMediaTime  = 30 * time.Second
	defaultMediaCache = 64 << 20
)

// FetcherConfig is what a Fetcher is made of. The zero value of each field is
// its default.
type FetcherConfig struct {
	Transport  http.RoundTripper // nil = HTTP/1.1 of our own
	UserAgent  string            // product name and version; "" = "mediaserver"
	FirstByte  time.Duration     // longest wait for the answer, redirects included; 0 = 10 s
	Timeout    time.Duration     // of the whole fetch; 0 = 30 s
	CacheBytes int               // decoded audio that is kept in memory; 0 = 64 MiB, -1 = none
	Metrics    *Metrics          // nil = not registered
}

func (c FetcherConfig) withDefaults() FetcherConfig {
	if c.UserAgent == "" {
		c.UserAgent = "mediaserver"
	}
	if c.FirstByte == 0 {
		c.FirstByte = defaultFirstByte
	}
	if c.Transport == nil {
		c.Transport = newTransport(c.FirstByte)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultMediaTime
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = defaultMediaCache
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	return c
}

func (c *FetcherConfig) validate() error {
	var errs []error
	if c.FirstByte < 0 {
		errs = append(errs, fmt.Errorf("%w: time to the first byte of media %v is negative", ErrConfig, c.FirstByte))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("%w: media timeout %v is negative", ErrConfig, c.Timeout))
	}
	return errors.Join(errs...)
}

// Fetcher is the call.Loader of media from addresses: it fetches audio files
// with GET and keeps them in memory as long as their HTTP headers allow a
// private cache to (RFC 9111). Several who want the same at the same time
// share one request. It starts no goroutine: a fetch runs in that of the
// first who wants it. Safe for concurrent use.
type Fetcher struct {
	cfg FetcherConfig

	mu      sync.Mutex
	flights map[string]*flight
	clips   clipCache
}

// NewFetcher makes a Fetcher. The error joins everything that is wrong with
// cfg, each part wrapping ErrConfig.
func NewFetcher(cfg FetcherConfig) (*Fetcher, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Fetcher{cfg: cfg, flights: make(map[string]*flight), clips: newClipCache(cfg.CacheBytes)}, nil
}

// CloseIdleConnections gives up the connections that are not in use.
func (f *Fetcher) CloseIdleConnections() {
	if t, ok := f.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// outcome is how a Load ended, for the metrics.
type outcome string

const (
	mediaHit         outcome = "hit"         // fresh in memory
	mediaJoined      outcome = "joined"      // another's fetch was shared
	mediaFetched     outcome = "fetched"     // it came whole
	mediaRevalidated outcome = "revalidated" // what is in memory is still valid
	mediaStale       outcome = "stale"       // asking failed, what is in memory may be used
	mediaNotFound    outcome = "not_found"
	mediaInvalid     outcome = "invalid"
	mediaTimeout     outcome = "timeout"
	mediaGivenUp     outcome = "given_up" // nobody wants it any more
)

// clipResult is what became of a Load.
type clipResult struct {
	clip    audio.Clip
	err     error // with a clip: one that wraps call.ErrTruncated
	outcome outcome
	private bool // no-store: for no other Load
}

// flight is a fetch that is under way. What is in it may be read when done is
// closed.
type flight struct {
	done   chan struct{}
	result clipResult
	landed bool // false: whoever fetched has given up
}

// Load fetches the audio file at item.URL, deciphered if item has a Cipher.
// Only item.Hosts are asked, also after redirects. Errors wrap
// call.ErrMediaNotFound for what is not there or not allowed, and
// call.ErrMediaInvalid for everything else, the end of ctx included; they
// show neither logins nor queries.
func (f *Fetcher) Load(ctx context.Context, item call.MediaItem) (audio.Clip, error) {
	r := f.load(ctx, item)
	f.cfg.Metrics.media.WithLabelValues(string(r.outcome)).Inc()
	return r.clip, r.err
}

func (f *Fetcher) load(ctx context.Context, item call.MediaItem) clipResult {
	address, err := url.Parse(item.URL)
	if err != nil {
		return clipResult{err: fmt.Errorf("%w: not an address", call.ErrMediaInvalid), outcome: mediaInvalid}
	}
	address.Fragment = ""
	// Two who may ask different hosts or have different keys share nothing.
	key := strings.Join(append([]string{address.String(), item.Cipher.Digest()}, item.Hosts...), "\n")
	for {
		fresh, ours, other := f.board(key)
		switch {
		case fresh != nil:
			return clipResult{clip: fresh.clip, err: fresh.warning, outcome: mediaHit}
		case ours != nil:
			return f.fly(ctx, key, ours, item, address)
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return givenUp(ctx, address)
		}
		switch {
		case other.landed && other.result.private:
			return f.fetch(ctx, key, item, address)
		case other.landed:
			joined := other.result
			joined.outcome = mediaJoined
			return joined
		}
	}
}

// board is what is fresh in memory, else a flight: our own, which is to be
// flown, or another's.
func (f *Fetcher) board(key string) (fresh *storedClip, ours, other *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if stored := f.clips.get(key); stored != nil && time.Now().Before(stored.policy.fresh) {
		return stored, nil, nil
	}
	if other = f.flights[key]; other != nil {
		return nil, nil, other
	}
	ours = &flight{done: make(chan struct{})}
	f.flights[key] = ours
	return nil, ours, nil
}

// fly fetches for everybody on the flight.
func (f *Fetcher) fly(ctx context.Context, key string, ours *flight, item call.MediaItem, address *url.URL) clipResult {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.flights, key)
		close(ours.done)
	}()
	r := f.fetch(ctx, key, item, address)
	ours.result, ours.landed = r, r.outcome != mediaGivenUp
	return r
}

// givenUp is the result for one whose ctx has ended.
func givenUp(ctx context.Context, address *url.URL) clipResult {
	err := fmt.Errorf("%w: %s: given up: %w", call.ErrMediaInvalid, redactURL(address), context.Cause(ctx))
	return clipResult{err: err, outcome: mediaGivenUp}
}

// fetch asks the web and keeps what may be kept.
func (f *Fetcher) fetch(ctx context.Context, key string, item call.MediaItem, address *url.URL) clipResult {
	start := time.Now()
	defer func() { f.cfg.Metrics.mediaSeconds.Observe(time.Since(start).Seconds()) }()
	f.mu.Lock()
	stored := f.clips.get(key)
	f.mu.Unlock()
	d := download{cfg: &f.cfg, item: item, address: address, stored: stored}
	found, err := d.run(ctx)
	switch failed, _ := errors.AsType[*downloadError](err); {
	case err == nil:
		f.keep(key, found.storedClip)
		return clipResult{clip: found.clip, err: found.warning, outcome: found.outcome, private: !found.policy.store}
	case ctx.Err() != nil:
		return givenUp(ctx, address)
	case failed.gone:
		f.keep(key, nil)
		return clipResult{err: err, outcome: mediaNotFound}
	case failed.unreachable && stored != nil && time.Now().Before(stored.policy.usableStale):
		return clipResult{clip: stored.clip, err: stored.warning, outcome: mediaStale}
	default:
		return clipResult{err: err, outcome: failed.outcome}
	}
}

// keep remembers a clip under a key as far as that is allowed and of use, or
// else forgets what was there.
func (f *Fetcher) keep(key string, c *storedClip) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c != nil && c.policy.store && c.useful(time.Now()) {
		f.clips.put(key, c)
	} else {
		f.clips.drop(key)
	}
	f.cfg.Metrics.mediaBytes.Set(float64(f.clips.bytes))
}

// storedClip is a decoded answer with what HTTP says of it. It is not changed
// once it is stored.
type storedClip struct {
	clip    audio.Clip
	warning error       // wraps call.ErrTruncated, or nil
	final   string      // the address that answered, after redirects
	header  http.Header // see cacheFields
	policy  policy
}

// useful says whether the clip can ever be used again.
func (c *storedClip) useful(now time.Time) bool {
	return c.policy.fresh.After(now) || c.policy.usableStale.After(now) || setConditions(make(http.Header), c.header)
}

// size of the clip and what goes with it [bytes]. Its header is what a web
// server sent, and may be far larger than the sound.
func (c *storedClip) size() int {
	const overhead = 1024
	size := overhead + 2*len(c.clip.Samples) + len(c.final)
	for _, values := range c.header {
		for _, v := range values {
			size += len(v)
		}
	}
	return size
}

// downloadError says why a download came to nothing.
type downloadError struct {
	err         error // wraps call.ErrMediaNotFound or call.ErrMediaInvalid
	outcome     outcome
	gone        bool // there is nothing at the address
	unreachable bool // there may still be what there was
}

func (e *downloadError) Error() string { return e.err.Error() }

func (e *downloadError) Unwrap() error { return e.err }

// isAudio says whether a Content-Type may be that of audio: it is, or it says
// nothing at all.
func isAudio(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return strings.HasPrefix(kind, "audio/") || slices.Contains([]string{"", "application/octet-stream", "binary/octet-stream"}, kind)
}
