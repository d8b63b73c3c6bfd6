package auth

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// foreignPage says why a request looks like one that the page of another site
// made a browser send, "" if it does not. GET changes things here too, so the
// method does not matter.
func foreignPage(r *http.Request) string {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return "requests from other sites' pages are refused"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return ""
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return "requests from other sites' pages are refused"
	}
	return ""
}

// forwarded are the headers of proxies: what came through one did not come
// from this machine.
var forwarded = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"}

// localClient lets in who asks from this machine, for this machine: without
// users there is no other proof.
func localClient(r *http.Request, client netip.Addr) (Identity, *denial) {
	if !client.IsLoopback() {
		return Identity{}, &denial{reasonLoopback, http.StatusUnauthorized, "no users are configured: only clients on this machine are served"}
	}
	for _, h := range forwarded {
		if r.Header.Get(h) != "" {
			return Identity{}, &denial{reasonLoopback, http.StatusUnauthorized, "no users are configured: requests through a proxy are not served"}
		}
	}
	if !localHost(r.Host) {
		return Identity{}, &denial{reasonHost, http.StatusForbidden, "no users are configured: the host must be localhost or a loopback address"}
	}
	return Identity{Role: Admin}, nil
}

// localHost says whether a Host header names this machine. A name that an
// attacker's DNS sends here does not.
func localHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}
