package examples

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/call"
	"mediaserver/mixer"
	"mediaserver/recording"
	"mediaserver/restapi"
	"mediaserver/rtp"
	"mediaserver/sip"
)

// Numbers of the caller and the called in docs.
const (
	callerNumber = "+441908000001"
	calledNumber = "+441908000100"
)

// world is a server in virtual time with callers that say nothing, a media
// store that has every file, and speech for every text.
type world struct {
	t       *testing.T
	manager *call.Manager
	api     *restapi.Server
	log     logBuffer
	start   time.Time
	tasks   sync.WaitGroup
	callers []*caller
	answers func(caller, page string) string

	mu       sync.Mutex
	requests []docRequest
}

// docRequest is a request as it was sent.
type docRequest struct{ caller, page, body string }

// logBuffer keeps the process log.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// runWorld runs a server of a version whose pages answer as answers says, ""
// being a list without actions.
func runWorld(t *testing.T, version string, maxParticipants int, answers func(caller, page string) string, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		engine, err := mixer.New(mixer.Config{Workers: 1, Clock: mixer.TimeClock{}})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, start: time.Now(), answers: answers}
		logger := slog.New(slog.NewTextHandler(&w.log, nil))
		records, err := recording.NewStore(recording.Config{Directory: t.TempDir(), Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		w.manager, err = call.NewManager(call.Config{
			Engine: engine, Recorder: records,
			Loader: call.Sources{Files: call.NewStore(everyFile{}), Web: everything{}, Speech: everything{}},
			OpenSockets: func(call.SocketRequest) (call.Sockets, error) {
				return nowhere{}, nil
			},
			Logger: logger, MaxParticipants: maxParticipants,
			Dialer: callees{t}, Outbound: theCallees(),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.api, err = restapi.NewServer(restapi.Config{
			Services: []restapi.Service{{
				Name: "docs", Match: []string{calledNumber}, APIVersion: version, Strict: new(true),
				FirstPage:             restapi.Page{URL: "https://app.example/first"},
				FinalPage:             restapi.Page{URL: "https://app.example/final"},
				ErrorPage:             restapi.Page{URL: "https://app.example/error"},
				ApplicationParameters: "team=blue",
				ExtraCalls:            new(2),
			}},
			Transport: w, Logger: logger, Files: everyFile{},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.tasks.Go(func() {
			if err := engine.Run(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
		w.tasks.Go(func() {
			if err := records.Run(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
		test(w)
		for _, c := range w.callers {
			c.end(sip.ErrRemoteBye)
		}
		for _, c := range w.callers {
			<-c.served
		}
		w.manager.Wait()
		cancel()
		w.tasks.Wait()
	})
}

// RoundTrip is the web server.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet {
		raw = []byte(r.URL.Query().Get("instance_info"))
	}
	var info instanceInfo
	// Of the two versions' results this is of no interest here.
	json.Unmarshal(raw, &info) //nolint:errcheck // what cannot be read stays empty
	page := strings.TrimPrefix(r.URL.Path, "/")
	if info.Call.From == "" { // a notification
		info.Call.From = callerNumber
	}
	w.mu.Lock()
	w.requests = append(w.requests, docRequest{info.Call.From, page, string(raw)})
	w.mu.Unlock()
	body := w.answers(info.Call.From, page)
	if body == "" {
		body = `{"actions":[]}`
		if bytes.Contains(raw, []byte(`"is_notification"`)) {
			body = `{"api_version":"2.0","actions":[]}`
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Request: r, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// asked are the bodies with which a page was asked for a caller.
func (w *world) asked(caller, page string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var bodies []string
	for _, r := range w.requests {
		if r.caller == caller && r.page == page {
			bodies = append(bodies, r.body)
		}
	}
	return bodies
}

// fault is the code and text of the last error page of a caller, "" for none.
func (w *world) fault(caller string) string {
	bodies := w.asked(caller, "error")
	if len(bodies) == 0 {
		return ""
	}
	var info instanceInfo
	json.Unmarshal([]byte(bodies[len(bodies)-1]), &info) //nolint:errcheck // see RoundTrip
	return info.Error.Result
}

// dial places a call and returns when nothing more happens at once.
func (w *world) dial(number string) *caller {
	n := len(w.callers) + 1
	address := func(user string) sip.Address {
		return sip.Address{User: user, Host: "sip.example", URI: "sip:" + user + "@sip.example"}
	}
	c := &caller{ended: make(chan struct{}), served: make(chan struct{})}
	c.inv = sip.Invitation{
		CallID: fmt.Sprint("call-", n), Transport: "udp", From: address(number), To: address(calledNumber),
		RequestURI: address(calledNumber), LocalAddr: netip.MustParseAddr("192.0.2.2"),
		Offer: []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n"),
	}
	w.callers = append(w.callers, c)
	w.tasks.Go(func() {
		defer close(c.served)
		w.manager.HandleInvite(w.t.Context(), c, w.api.ServeCall)
	})
	synctest.Wait()
	return c
}

// at waits until a time since the start.
func (w *world) at(d time.Duration) {
	time.Sleep(d - time.Since(w.start))
	synctest.Wait()
}

// caller is a telephone without media; it is the call.Dialog of its own call.
type caller struct {
	inv     sip.Invitation
	mu      sync.Mutex
	session sip.Session
	err     error
	code    int // with which it was rejected
	once    sync.Once
	ended   chan struct{}
	served  chan struct{}
	cseq    uint32
}

func (c *caller) Invitation() sip.Invitation         { return c.inv }
func (c *caller) Progress(int, string, []byte) error { return nil }
func (c *caller) Answer([]byte, ...sip.Header) error { return nil }
func (c *caller) Ended() <-chan struct{}             { return c.ended }

func (c *caller) Reject(code int, _ string, _ ...sip.Header) error {
	c.mu.Lock()
	c.code = code
	c.mu.Unlock()
	c.end(sip.ErrRejected)
	return nil
}

func (c *caller) Bye(context.Context, ...sip.Header) error {
	c.end(sip.ErrLocalBye)
	return nil
}

func (c *caller) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *caller) SetSession(s sip.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
}

func (c *caller) end(err error) {
	c.once.Do(func() {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		close(c.ended)
	})
}

// press presses a key by SIP INFO.
func (c *caller) press(digit string) error {
	c.mu.Lock()
	s := c.session
	c.cseq++
	cseq := c.cseq
	c.mu.Unlock()
	if s == nil {
		return errors.New("a key is pressed before the answer")
	}
	return s.Info(cseq, "application/dtmf-relay", []byte("Signal="+digit+"\r\nDuration=100\r\n"))
}

// nowhere is media that nobody sends or hears.
type nowhere struct{}

func (nowhere) Drain([]byte) (int, netip.AddrPort, time.Time, error) {
	return 0, netip.AddrPort{}, time.Time{}, nil
}
func (nowhere) Flush([]byte, netip.AddrPort) error { return nil }
func (nowhere) RTP() rtp.IO                        { return nowhere{} }
func (nowhere) RTCP() rtp.IO                       { return nowhere{} }
func (nowhere) Port() int                          { return 20000 }
func (nowhere) Close() error                       { return nil }

// everything is a loader that has a second of sound for each address and text,
// but for those that say that they are absent.
type everything struct{}

func (everything) Load(_ context.Context, item call.MediaItem) (audio.Clip, error) {
	switch {
	case strings.Contains(item.URL, "absent"):
		return audio.Clip{}, call.ErrMediaNotFound
	case strings.Contains(item.Voice, "absent"):
		return audio.Clip{}, fmt.Errorf("%w: no such voice", call.ErrSpeech)
	}
	return aSecond(), nil
}

func aSecond() audio.Clip { return audio.ToneClip(8000, []float64{700}, -12, time.Second, 0) }

// everyFile is a media store with every file of a name without absent; a name
// with sealed is that of an encrypted one, by the cipher of the docs.
type everyFile struct{}

// The cipher of the docs.
var (
	docKey    = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	docVector = []byte{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}
)

// Remove removes nothing, and finds the same files.
func (everyFile) Remove(name string) error {
	if strings.Contains(name, "absent") {
		return fs.ErrNotExist
	}
	return nil
}

func (everyFile) Open(name string) (fs.File, error) {
	if strings.Contains(name, "absent") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	var b bytes.Buffer
	if err := wav.Encode(&b, wav.PCM16, aSecond()); err != nil {
		return nil, err
	}
	data := b.Bytes()
	if strings.Contains(name, "sealed") {
		padding := aes.BlockSize - len(data)%aes.BlockSize
		data = append(data, bytes.Repeat([]byte{byte(padding)}, padding)...)
		block, err := aes.NewCipher(docKey)
		if err != nil {
			return nil, err
		}
		cipher.NewCBCEncrypter(block, docVector).CryptBlocks(data, data)
	}
	return fstest.MapFS{name: {Data: data}}.Open(name)
}
