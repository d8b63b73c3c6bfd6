package restapi

import (
	"net/http"
	"testing"
	"time"
)

// headers makes a header of pairs.
func headers(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestPolicy(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		name   string
		header http.Header
		store  bool
		fresh  time.Duration // from now, negative: since when it is not
		stale  time.Duration // from now
	}{
		{"says nothing", nil, true, 0, 0},
		{"max-age", headers("Cache-Control", "max-age=60"), true, time.Minute, time.Minute},
		{"capital letters and spaces", headers("Cache-Control", "Public , Max-Age = 60"), true, time.Minute, time.Minute},
		{"a quoted number", headers("Cache-Control", `max-age="60"`), true, time.Minute, time.Minute},
		{"a comma inside quotes", headers("Cache-Control", `private="a, max-age=60"`), true, 0, 0},
		{"private is for us", headers("Cache-Control", "private, max-age=60"), true, time.Minute, time.Minute},
		{"s-maxage is not for us", headers("Cache-Control", "s-maxage=600, max-age=60"), true, time.Minute, time.Minute},
		{"s-maxage alone", headers("Cache-Control", "s-maxage=600"), true, 0, 0},
		{"two headers", headers("Cache-Control", "public", "Cache-Control", "max-age=60"), true, time.Minute, time.Minute},
		{"the same twice", headers("Cache-Control", "max-age=60, max-age=60"), true, time.Minute, time.Minute},
		{"a contradiction is stale", headers("Cache-Control", "max-age=60, max-age=61"), true, 0, 0},
		{"no number is stale", headers("Cache-Control", "max-age=soon", "Expires", at(time.Hour)), true, 0, 0},
		{"a negative number is stale", headers("Cache-Control", "max-age=-1"), true, 0, 0},
		{"a number beyond any", headers("Cache-Control", "max-age=99999999999999999999"), true, longestAge, longestAge},
		{"no-store", headers("Cache-Control", "no-store, max-age=60"), false, time.Minute, time.Minute},
		{"no-cache", headers("Cache-Control", "no-cache, max-age=60, stale-if-error=60"), true, 0, 0},
		{"no-cache for a field", headers("Cache-Control", `no-cache="Set-Cookie", max-age=60`), true, 0, 0},
		{"Expires", headers("Expires", at(time.Minute), "Date", at(0)), true, time.Minute, time.Minute},
		{"Expires of a clock that is ahead", headers("Expires", at(2*time.Hour), "Date", at(time.Hour)), true, time.Hour, time.Hour},
		{"Expires without a date", headers("Expires", at(time.Minute)), true, time.Minute, time.Minute},
		{"Expires 0", headers("Expires", "0"), true, 0, 0},
		{"Expires in the past", headers("Expires", at(-time.Hour)), true, 0, 0},
		{"two Expires", headers("Expires", at(time.Minute), "Expires", at(time.Hour)), true, 0, 0},
		{"max-age before Expires", headers("Cache-Control", "max-age=60", "Expires", at(time.Hour)), true, time.Minute, time.Minute},
		{"Age counts", headers("Cache-Control", "max-age=60", "Age", "20"), true, 40 * time.Second, 40 * time.Second},
		{"Age that is none", headers("Cache-Control", "max-age=60", "Age", "old"), true, time.Minute, time.Minute},
		{"too old on arrival", headers("Cache-Control", "max-age=60", "Age", "80"), true, -20 * time.Second, -20 * time.Second},
		{"the date counts", headers("Cache-Control", "max-age=60", "Date", at(-50*time.Second), "Age", "20"), true, 10 * time.Second, 10 * time.Second},
		{"stale-if-error", headers("Cache-Control", "max-age=60, stale-if-error=30"), true, time.Minute, 90 * time.Second},
		{"stale-if-error forbidden", headers("Cache-Control", "max-age=60, stale-if-error=30, must-revalidate"), true, time.Minute, time.Minute},
		{"varies by everything", headers("Vary", "Accept, *", "Cache-Control", "max-age=60"), false, time.Minute, time.Minute},
		{"varies by what we always send", headers("Vary", "Accept-Encoding", "Cache-Control", "max-age=60"), true, time.Minute, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := policyOf(tt.header, now, now)
			if fresh, stale := p.fresh.Sub(now), p.usableStale.Sub(now); p.store != tt.store || fresh != tt.fresh || stale != tt.stale {
				t.Errorf("store %v, fresh %v, stale %v; want %v, %v, %v", p.store, fresh, stale, tt.store, tt.fresh, tt.stale)
			}
		})
	}
}

func TestAgeCountsTheTimeOfTheAnswer(t *testing.T) {
	answered := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	h := headers("Cache-Control", "max-age=60", "Age", "20")
	if left := policyOf(h, answered.Add(-5*time.Second), answered).fresh.Sub(answered); left != 35*time.Second {
		t.Errorf("fresh for %v, want 35 s", left)
	}
}

func TestCacheHeaderAfterRevalidation(t *testing.T) {
	before := headers("Cache-Control", "max-age=60", "ETag", `"a"`, "Date", "x", "Age", "9", "Set-Cookie", "a=b")
	kept := cacheHeader(headers("Cache-Control", "max-age=5", "Set-Cookie", "a=c"), before)
	for name, want := range map[string]string{"Cache-Control": "max-age=5", "ETag": `"a"`, "Date": "", "Age": "", "Set-Cookie": ""} {
		if got := kept.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// FuzzPolicy looks for headers that keep an answer longer than any may be.
func FuzzPolicy(f *testing.F) {
	f.Add("max-age=60", "Mon, 02 Mar 2026 10:01:00 GMT", "5")
	f.Add(`no-cache="a, b", stale-if-error=9`, "0", "-1")
	f.Add(`a="\`, "", "99999999999999999999")
	f.Fuzz(func(t *testing.T, control, expires, age string) {
		now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
		p := policyOf(headers("Cache-Control", control, "Expires", expires, "Age", age), now, now)
		if p.fresh.Sub(now) > longestAge || p.usableStale.Before(p.fresh) || p.usableStale.Sub(p.fresh) > longestAge {
			t.Errorf("fresh until %v, stale until %v", p.fresh, p.usableStale)
		}
	})
}
