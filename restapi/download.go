package restapi

import (
	"bytes"
	"context"
	"crypto/aes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"mediaserver/call"
)

// download is one fetch of media: the request, its redirects and the body.
type download struct {
	cfg     *FetcherConfig
	item    call.MediaItem
	address *url.URL    // where it starts, with login
	stored  *storedClip // what there is of an earlier one, or nil
}

// downloaded is what a download found.
type downloaded struct {
	*storedClip
	outcome outcome // mediaFetched or mediaRevalidated
}

// What ends a download too slow to wait for.
var (
	errNoFirstByte = errors.New("restapi: no answer in time")
	errSlowMedia   = errors.New("restapi: not whole in time")
)

// run fetches within the times of the configuration. Errors are
// *downloadError; those after the end of ctx mean nothing.
func (d *download) run(ctx context.Context) (downloaded, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.cfg.Timeout, errSlowMedia)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	first := time.AfterFunc(d.cfg.FirstByte, func() { giveUp(errNoFirstByte) })
	defer first.Stop()
	found, err := d.follow(ctx, func() { first.Stop() })
	if failed, ok := errors.AsType[*downloadError](err); ok && failed.unreachable {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errNoFirstByte):
			return found, d.timedOut("no answer within %v", d.cfg.FirstByte)
		case errors.Is(cause, errSlowMedia):
			return found, d.timedOut("not whole within %v", d.cfg.Timeout)
		}
	}
	return found, err
}

func (d *download) timedOut(format string, limit time.Duration) error {
	e := d.unreachable(d.address, format, limit)
	e.outcome = mediaTimeout
	return e
}

// invalid is the failure of an address; gone that there is nothing at it, or
// nothing that is allowed; unreachable that it could not be asked.
func (d *download) invalid(at *url.URL, format string, args ...any) *downloadError {
	return &downloadError{
		err:     fmt.Errorf("%w: %s: %s", call.ErrMediaInvalid, redactURL(at), fmt.Sprintf(format, args...)),
		outcome: mediaInvalid,
	}
}

func (d *download) gone(at *url.URL, format string, args ...any) *downloadError {
	return &downloadError{
		err:     fmt.Errorf("%w: %s: %s", call.ErrMediaNotFound, redactURL(at), fmt.Sprintf(format, args...)),
		outcome: mediaNotFound, gone: true,
	}
}

func (d *download) unreachable(at *url.URL, format string, args ...any) *downloadError {
	e := d.invalid(at, format, args...)
	e.unreachable = true
	return e
}

// follow asks, follows redirects and reads the answer. It calls answered when
// the header of the answer has come.
func (d *download) follow(ctx context.Context, answered func()) (downloaded, error) {
	at := d.address
	var way *policy // of the redirects
	for redirects := 0; ; redirects++ {
		if err := d.permitted(at); err != nil {
			return downloaded{}, err
		}
		asked := time.Now()
		resp, err := d.send(ctx, at)
		if err != nil {
			return downloaded{}, d.unreachable(at, "%s", reason(err))
		}
		if !isRedirect(resp) {
			answered()
			return d.judge(ctx, at, resp, asked, way)
		}
		discard(resp)
		if redirects == maxPageRedirects {
			return downloaded{}, d.invalid(at, "more than %d redirects", maxPageRedirects)
		}
		step := policyOf(resp.Header, asked, time.Now())
		if way != nil {
			step = way.both(step)
		}
		way = &step
		to, err := redirectTarget(at, resp)
		if err != nil {
			return downloaded{}, d.invalid(at, "%v", err)
		}
		at = to
	}
}

// permitted checks that the address may be asked.
func (d *download) permitted(at *url.URL) error {
	switch {
	case at.Scheme != "http" && at.Scheme != "https" || at.Host == "":
		return d.invalid(at, "not an absolute http or https address")
	case !hostAllowed(d.item.Hosts, at):
		return d.gone(at, "the host %s is not allowed", clip(at.Host))
	}
	return nil
}

// send makes one request: neither instance info nor cookies nor a signature.
func (d *download) send(ctx context.Context, at *url.URL) (*http.Response, error) {
	target := *at
	target.User = nil
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Accept", "audio/*")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", d.cfg.UserAgent)
	if at.User != nil {
		password, _ := at.User.Password()
		req.SetBasicAuth(at.User.Username(), password)
	}
	if d.stored != nil && d.stored.final == at.String() {
		setConditions(req.Header, d.stored.header)
	}
	return d.cfg.Transport.RoundTrip(req)
}

// judge takes the answer that is no redirect.
func (d *download) judge(ctx context.Context, at *url.URL, resp *http.Response, asked time.Time, way *policy) (downloaded, error) {
	answered := time.Now()
	found := &storedClip{final: at.String(), header: cacheHeader(resp.Header, nil)}
	conditional := d.stored != nil && d.stored.final == found.final
	as := mediaFetched
	switch status := resp.StatusCode; {
	case status == http.StatusNotModified && conditional:
		discard(resp)
		if !sameVersion(resp.Header, d.stored.header) { // ask for the whole
			d.stored = nil
			return d.follow(ctx, func() {})
		}
		found.clip, found.warning = d.stored.clip, d.stored.warning
		found.header = cacheHeader(resp.Header, d.stored.header)
		as = mediaRevalidated
	case status == http.StatusOK, status == http.StatusNonAuthoritativeInfo:
		if err := d.read(at, resp, found); err != nil {
			return downloaded{}, err
		}
	default:
		discard(resp)
		return downloaded{}, d.refusal(at, status)
	}
	found.policy = policyOf(found.header, asked, answered)
	if way != nil {
		found.policy = found.policy.both(*way)
	}
	return downloaded{found, as}, nil
}

// refusal is what a status of failure means.
func (d *download) refusal(at *url.URL, status int) error {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return d.gone(at, "status %d", status)
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return d.unreachable(at, "status %d", status) // RFC 5861 §4
	default:
		return d.invalid(at, "status %d", status)
	}
}

// read takes the audio of a successful answer.
func (d *download) read(at *url.URL, resp *http.Response, into *storedClip) error {
	defer resp.Body.Close() //nolint:errcheck // read only: nothing can be lost
	limit := int64(call.MaxMediaFile)
	contentType := resp.Header.Get("Content-Type")
	switch {
	case d.item.Cipher != nil: // nothing that a web server would know
		limit += aes.BlockSize
	case !isAudio(contentType):
		return d.invalid(at, "the answer is %q, not audio", clip(contentType))
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return d.invalid(at, "the answer is packed as %q", clip(coding))
	}
	if resp.ContentLength > limit {
		return d.invalid(at, "%d bytes are more than %d", resp.ContentLength, limit)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return d.unreachable(at, "the answer broke off: %s", reason(err))
	case int64(len(data)) > limit:
		return d.invalid(at, "more than %d bytes", limit)
	}
	into.clip, err = call.DecodeMedia(bytes.NewReader(data), d.item)
	switch {
	case errors.Is(err, call.ErrTruncated):
		into.warning = fmt.Errorf("%s: %w", redactURL(at), err)
	case err != nil:
		return &downloadError{err: fmt.Errorf("%s: %w", redactURL(at), err), outcome: mediaInvalid}
	}
	return nil
}
