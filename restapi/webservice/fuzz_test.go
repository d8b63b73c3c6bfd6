package webservice

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mediaserver/restapi"
)

// FuzzCalls reads rest_calls: whatever comes out has a destination and is not
// too much.
func FuzzCalls(f *testing.F) {
	for _, s := range []string{`{"to":"1"}`, `[{"to":"a@b","from":"1","token":null,"outbound_parameters":"x"}]`, `[]`, `[1]`, `{`, `null`, `{"to":1}`, ` [{"to":""}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		calls, err := readCalls("rest_calls", text)
		if err != nil {
			if faultOf(err).status != http.StatusBadRequest {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(calls) == 0 || len(calls) > restapi.MaxStartCalls {
			t.Errorf("%d calls", len(calls))
		}
		for _, c := range calls {
			if c.To == "" {
				t.Errorf("%q: a call to nobody", text)
			}
		}
	})
}

// FuzzForm reads parameters: what is valid keeps its bounds.
func FuzzForm(f *testing.F) {
	f.Add("a=1&b=true&c=2026-03-02T10:00:00Z&d=x/y", "a=2")
	f.Add("a=%zz", "")
	f.Add("a=0&b=&c=&d=/", "d")
	now := time.Unix(1772445600, 0)
	f.Fuzz(func(t *testing.T, query, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q, err := readForm(httptest.NewRecorder(), r, false)
		if err != nil {
			return
		}
		n, start, list := q.number("a", 350), q.start("c", now), q.ids("d")
		q.boolean("b")
		if q.fault() != nil {
			return
		}
		if n < 1 || n > 350 || len(list) == 0 || len(list) > maxIDs {
			t.Errorf("%d, %q", n, list)
		}
		if ahead := start.Sub(now); ahead < earliestStart-time.Minute || ahead > latestStart {
			t.Errorf("%v ahead", ahead)
		}
	})
}
