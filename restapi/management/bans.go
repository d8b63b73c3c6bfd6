package management

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Ban is a source of SIP messages that is not listened to for the time being.
type Ban struct {
	Source string    `json:"source" doc:"an IPv4 address, or an IPv6 network of 64 bits"`
	Reason string    `json:"reason" doc:"the last of what it is blamed for" example:"scanner"`
	Until  time.Time `json:"until"`
	Count  int       `json:"count" doc:"bans of this source so far"`
}

// Bans are the banned sources: those of the SIP user agent.
type Bans interface {
	Bans() []Ban
	// Lift ends the ban of the source an address belongs to; false: it has none.
	Lift(a netip.Addr) bool
}

// maxBansListed bounds the answer.
const maxBansListed = 1000

// banList are banned sources.
type banList struct {
	Body struct {
		Bans  []Ban `json:"bans" doc:"the ones that last longest first, at most 1000"`
		Total int   `json:"total"`
	}
}

// oneBan names a source.
type oneBan struct {
	Address string `path:"address" maxLength:"64" doc:"an address of the source" example:"203.0.113.7"`
}

func (a *API) registerBans() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-bans", Method: http.MethodGet, Path: Prefix + "/bans", Tags: []string{"server"},
		Summary: "Sources of SIP messages that are banned",
	}, func(context.Context, *struct{}) (*banList, error) {
		out := &banList{}
		out.Body.Bans = []Ban{}
		if a.cfg.Bans == nil {
			return out, nil
		}
		all := a.cfg.Bans.Bans()
		slices.SortFunc(all, func(x, y Ban) int { return y.Until.Compare(x.Until) })
		out.Body.Total = len(all)
		out.Body.Bans = append(out.Body.Bans, all[:min(len(all), maxBansListed)]...)
		return out, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "lift-ban", Method: http.MethodDelete, Path: Prefix + "/bans/{address}", Tags: []string{"server"},
		Summary: "Listen to a source again", DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, func(_ context.Context, in *oneBan) (*struct{}, error) {
		addr, err := netip.ParseAddr(in.Address)
		if err != nil {
			return nil, problemOf(http.StatusUnprocessableEntity, "no IP address", detail("path.address", "must be an IP address"))
		}
		if a.cfg.Bans == nil || !a.cfg.Bans.Lift(addr) {
			return nil, problemOf(http.StatusNotFound, "this address is not banned", detail("path.address", "is not banned"))
		}
		return nil, nil
	})
}
