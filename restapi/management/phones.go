package management

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Phone is a user who may register by SIP.
type Phone struct {
	Name     string         `json:"name"`
	Contacts []PhoneContact `json:"contacts" doc:"where it can be called now, most wanted first; empty: it is not registered"`
}

// PhoneContact is one registration of a phone.
type PhoneContact struct {
	URI       string    `json:"uri" doc:"as the phone named it"`
	Source    string    `json:"source" doc:"IP address and port that it was heard from"`
	Transport string    `json:"transport" doc:"udp, tcp, tls, ws or wss"`
	Q         float64   `json:"q" doc:"preference, 0 to 1"`
	Expires   time.Time `json:"expires" doc:"when the registration ends unless it is refreshed"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// phoneList are all phones.
type phoneList struct {
	Body struct {
		Phones []Phone `json:"phones"`
	}
}

func (a *API) registerPhones() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-phones", Method: http.MethodGet, Path: Prefix + "/phones", Tags: []string{"server"},
		Summary: "Phones of the configuration, and where they are registered",
	}, func(context.Context, *struct{}) (*phoneList, error) {
		out := &phoneList{}
		out.Body.Phones = []Phone{}
		if a.cfg.Phones != nil {
			out.Body.Phones = append(out.Body.Phones, a.cfg.Phones()...)
		}
		return out, nil
	})
}
