package restapi

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mediaserver/internal/shorten"
)

// Limits of page requests.
const (
	maxPageRedirects = 5
	maxResponse      = 1 << 20 // of an unpacked body [bytes]
)

// Statuses of success.
const (
	lowestSuccess  = 200
	highestSuccess = 299
)

// browser asks the pages of one instance. It keeps the instance's cookies and
// trace id. One goroutine only.
type browser struct {
	cfg     *Config
	service *Service
	jar     http.CookieJar
	trace   string // trace id, 32 hex digits
}

func newBrowser(cfg *Config, service *Service) *browser {
	jar, _ := cookiejar.New(nil) // its error is always nil
	return &browser{cfg: cfg, service: service, jar: jar, trace: randomHex(16)}
}

// randomHex is n random bytes in hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// reply is the successful response to a page request.
type reply struct {
	body  []byte
	final *url.URL // the page's address after redirects, without instance info
}

// pageRequest is one request of an exchange.
type pageRequest struct {
	method  string
	address *url.URL // of the page, with login, without instance info
	info    []byte   // instance info
}

// errPageTimeout: the exchange took too long.
var errPageTimeout = errors.New("restapi: page timeout")

// fetch asks a page and reads its whole answer: connection, redirects, one
// retry and the body within the page timeout.
func (b *browser) fetch(ctx context.Context, method string, address *url.URL, info []byte) (reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.cfg.PageTimeout, errPageTimeout)
	defer cancel()
	r, err := b.exchange(ctx, pageRequest{method: method, address: address, info: info})
	if gaveUp(err) && ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, errPageTimeout) {
			return reply{}, cause
		}
		return reply{}, failure(CodePageTimeout, err, "%s: no complete response within %v", redactURL(address), b.cfg.PageTimeout)
	}
	return r, err
}

// gaveUp says whether err may come from the end of a context: a verdict on a
// response does not.
func gaveUp(err error) bool {
	fault, ok := errors.AsType[*ActionError](err)
	return ok && fault.Code == CodePageUnreachable
}

// exchange follows redirects to the answer.
func (b *browser) exchange(ctx context.Context, q pageRequest) (reply, error) {
	retries := 1
	for redirects := 0; ; redirects++ {
		if err := b.permitted(q.address); err != nil {
			return reply{}, err
		}
		resp, err := b.send(ctx, q, &retries)
		if err != nil {
			return reply{}, failure(CodePageUnreachable, err, "%s: %s", redactURL(q.address), reason(err))
		}
		switch {
		case isRedirect(resp):
			discard(resp)
			if redirects == maxPageRedirects {
				return reply{}, failure(CodePageRedirects, nil, "%s: more than %d redirects", redactURL(q.address), maxPageRedirects)
			}
			if q, err = q.redirected(resp); err != nil {
				return reply{}, err
			}
		case resp.StatusCode < lowestSuccess || resp.StatusCode > highestSuccess:
			discard(resp)
			return reply{}, failure(CodePageHTTPStatus, nil, "%s: status %d", redactURL(q.address), resp.StatusCode)
		default:
			return b.read(q, resp)
		}
	}
}

// permitted checks that the service may ask u.
func (b *browser) permitted(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return failure(CodePageUnreachable, nil, "the scheme %q is not http or https", clip(u.Scheme))
	case !hostAllowed(b.service.PageHosts, u):
		return failure(CodePageUnreachable, nil, "the host %s is not allowed", clip(u.Host))
	}
	return nil
}

// send makes one request, and once more, at once, if no byte of it was sent
// and a retry is left.
func (b *browser) send(ctx context.Context, q pageRequest, retries *int) (*http.Response, error) {
	for {
		var left departure
		req, err := b.request(left.watch(ctx), q)
		if err != nil {
			return nil, err
		}
		resp, err := b.cfg.Transport.RoundTrip(req)
		if err == nil {
			b.jar.SetCookies(q.address, resp.Cookies())
			return resp, nil
		}
		if *retries == 0 || left.hasBegun() || ctx.Err() != nil {
			return nil, err
		}
		*retries--
	}
}

// request builds one HTTP request.
func (b *browser) request(ctx context.Context, q pageRequest) (*http.Request, error) {
	target, body := *q.address, q.info
	if q.method == http.MethodGet {
		target, body = *withInfo(q.address, q.info), nil
	}
	target.User, target.Fragment = nil, ""
	req, err := http.NewRequestWithContext(ctx, q.method, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Body, req.ContentLength = onceBody(body), int64(len(body))
	h := req.Header
	if q.method == http.MethodPost {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	h.Set("Accept", "application/json")
	h.Set("Accept-Encoding", "gzip")
	h.Set("User-Agent", b.cfg.UserAgent)
	h.Set("Traceparent", "00-"+b.trace+"-"+randomHex(8)+"-01")
	if q.address.User != nil {
		password, _ := q.address.User.Password()
		req.SetBasicAuth(q.address.User.Username(), password)
	}
	for _, c := range b.jar.Cookies(q.address) {
		req.AddCookie(c)
	}
	if secret := b.service.SigningSecret; secret != "" {
		signed := q.info
		if q.method == http.MethodGet {
			signed = []byte(req.URL.RequestURI())
		}
		sign(h, secret, time.Now(), signed)
	}
	return req, nil
}

// The headers of a signature.
const (
	timestampHeader = "X-Mediaserver-Timestamp"
	signatureHeader = "X-Mediaserver-Signature"
)

// sign adds the signature of a request: of its body, or of its target for GET.
func sign(h http.Header, secret string, now time.Time, signed []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(signed)
	h.Set(timestampHeader, timestamp)
	h.Set(signatureHeader, "v1="+hex.EncodeToString(mac.Sum(nil)))
}

// isRedirect says whether the response sends us elsewhere.
func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// redirected is the request that follows a redirect. 307 and 308 keep method
// and body, the others turn into GET.
func (q pageRequest) redirected(resp *http.Response) (pageRequest, error) {
	to, err := redirectTarget(q.address, resp)
	if err != nil {
		return q, failure(CodePageRedirects, err, "%s: %v", redactURL(q.address), err)
	}
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		q.method = http.MethodGet
	}
	q.address = to
	return q, nil
}

// read takes the body of a successful response, unpacked if it is packed.
func (b *browser) read(q pageRequest, resp *http.Response) (reply, error) {
	defer resp.Body.Close()
	var body io.Reader = resp.Body
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(resp.Body)
		if errors.Is(err, io.EOF) { // no body at all
			return reply{final: q.address}, nil
		}
		if err != nil {
			return reply{}, bodyFailure(q, err)
		}
		body = unpacked
	}
	data, err := io.ReadAll(io.LimitReader(body, maxResponse+1))
	switch {
	case len(data) > maxResponse:
		return reply{}, failure(CodePageTooLarge, nil, "%s: the response is larger than %d bytes", redactURL(q.address), maxResponse)
	case err != nil:
		return reply{}, bodyFailure(q, err)
	}
	return reply{body: data, final: q.address}, nil
}

// bodyFailure tells a body that cannot be unpacked from one that did not come
// whole.
func bodyFailure(q pageRequest, err error) *ActionError {
	if _, corrupt := errors.AsType[flate.CorruptInputError](err); corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return failure(CodeInvalidJSON, err, "%s: the response is not gzip as it says", redactURL(q.address))
	}
	return failure(CodePageUnreachable, err, "%s: the response broke off: %s", redactURL(q.address), reason(err))
}

// discard gives up a response, and its connection if there is a body to come.
func discard(resp *http.Response) {
	resp.Body.Close() // nothing can be lost
}

// maxReason bounds the reason of an error of the transport [bytes]: it quotes
// what the far end sent, which may be a quarter of a megabyte.
const maxReason = 200

// reason is an error of the transport without the address, whose query may
// hold secrets.
func reason(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return shorten.Text(err.Error(), maxReason)
}
