package events

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"mediaserver/call"
)

// receiver is the customer's side of a webhook.
type receiver struct {
	mu      sync.Mutex
	down    func() bool
	got     []uint64
	headers []http.Header
	bodies  []string
	tries   int
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.down != nil && r.down() {
		return nil, errors.New("connection refused")
	}
	raw, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	var body struct {
		Webhook string
		Events  []call.Event
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, err
	}
	for _, e := range body.Events {
		r.got = append(r.got, e.Sequence)
	}
	r.headers = append(r.headers, q.Header)
	r.bodies = append(r.bodies, string(raw))
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: q}, nil
}

func (r *receiver) wantInOrder(t *testing.T, n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.got) != n {
		t.Errorf("%d events came, want %d", len(r.got), n)
	}
	for i, x := range r.got {
		if x != r.got[0]+uint64(i) {
			t.Fatalf("event %d came at place %d", x, i)
		}
	}
}

func runHooks(t *testing.T, w *Webhooks) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() { cancel(); tasks.Wait() }
}

func TestAReceiverThatIsDownForAMinuteGetsEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{})
		defer running(t, l)()
		begun := time.Now()
		r := &receiver{down: func() bool { return time.Since(begun) < time.Minute }}
		w, err := NewWebhooks(WebhooksConfig{Log: l, List: []Webhook{{Name: "a", URL: "http://app.test/hook"}}, Transport: r})
		if err != nil {
			t.Fatal(err)
		}
		defer runHooks(t, w)()
		for range 600 { // ten a second
			l.Emit(call.Event{Type: call.CallRinging})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		r.wantInOrder(t, 600)
		if r.tries > 20 {
			t.Errorf("%d requests: it does not back off", r.tries)
		}
		if n := testutil.ToFloat64(l.cfg.Metrics.dead.WithLabelValues("a")); n != 0 {
			t.Errorf("%v dead letters", n)
		}
	})
}

func TestAReceiverThatStaysDownCostsDeadLettersNotOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{})
		defer running(t, l)()
		begun := time.Now()
		r := &receiver{down: func() bool { return time.Since(begun) < 30*time.Minute }}
		hook := Webhook{Name: "a", URL: "http://app.test/hook", GiveUpAfter: 10 * time.Minute, MaxLag: 300}
		w, err := NewWebhooks(WebhooksConfig{Log: l, List: []Webhook{hook}, Transport: r})
		if err != nil {
			t.Fatal(err)
		}
		defer runHooks(t, w)()
		for range 1000 {
			l.Emit(call.Event{Type: call.CallRinging})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		dead := int(testutil.ToFloat64(l.cfg.Metrics.dead.WithLabelValues("a")))
		if dead < 700 || dead+len(r.got) != 1000 {
			t.Errorf("%d dead letters and %d delivered of 1000", dead, len(r.got))
		}
		r.wantInOrder(t, 1000-dead)
	})
}

func TestRequestsAreSignedAsPagesAre(t *testing.T) {
	h := http.Header{}
	sign(h, "test-secret", []byte(`{"application_instance_id":"0000000000000001.1"}`), time.Unix(1767225600, 0))
	if got := h.Get(signatureHeader); got != "v1=7faead8573b3ff4c38abe53e4cd390a27be97e3c9e507be258686a1b23d4c18f" {
		t.Errorf("signature %s", got) // the example of the protocol
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{})
		defer running(t, l)()
		r := &receiver{}
		w, err := NewWebhooks(WebhooksConfig{
			Log: l, Transport: r, UserAgent: "mediaserver/test",
			List: []Webhook{{Name: "signed", URL: "http://app.test/", Secret: "s"}, {Name: "plain", URL: "http://u:p@app.test/"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer runHooks(t, w)()
		l.Emit(call.Event{Type: call.CallRinging})
		time.Sleep(time.Second)
		synctest.Wait()
		if len(r.headers) != 2 {
			t.Fatalf("%d requests", len(r.headers))
		}
		for i, h := range r.headers {
			signed := strings.Contains(r.bodies[i], `"webhook":"signed"`)
			if signed != (h.Get(signatureHeader) != "") || signed == (h.Get("Authorization") != "") {
				t.Errorf("headers of %s: %v", r.bodies[i], h)
			}
		}
	})
}

func TestWebhooksGoOnWhereTheyWere(t *testing.T) {
	dir := t.TempDir()
	r := &receiver{}
	for round := range 3 {
		s := openStore(t, dir)
		l := newLog(t, Config{Store: s, Linger: time.Microsecond})
		w, err := NewWebhooks(WebhooksConfig{
			Log: l, Transport: r, Places: s.Documents("webhooks"), List: []Webhook{{Name: "a", URL: "http://app.test/"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		stop := running(t, l)
		for range 50 {
			l.Emit(call.Event{Type: call.CallRinging})
		}
		stop()
		stopHooks := runHooks(t, w)
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			r.mu.Lock()
			n := len(r.got)
			r.mu.Unlock()
			if n == 50*(round+1) {
				break
			}
			<-time.After(time.Millisecond)
		}
		stopHooks()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r.wantInOrder(t, 150)
}

func TestBadWebhooksAreRefused(t *testing.T) {
	l := newLog(t, Config{})
	for name, list := range map[string][]Webhook{
		"no name":    {{URL: "http://a/"}},
		"no address": {{Name: "a"}},
		"ftp":        {{Name: "a", URL: "ftp://a/"}},
		"relative":   {{Name: "a", URL: "/hook"}},
		"twice":      {{Name: "a", URL: "http://a/"}, {Name: "a", URL: "http://b/"}},
	} {
		if _, err := NewWebhooks(WebhooksConfig{Log: l, List: list}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
