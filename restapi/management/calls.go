package management

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/call"
)

// callList is a page of calls.
type callList struct {
	Body struct {
		Calls []Call `json:"calls"`
		Next  string `json:"next,omitempty" doc:"the value of after for the next page; left out at the end"`
	}
}

// callQuery asks for calls.
type callQuery struct {
	Page
	SIPCallID string `query:"sip_call_id" maxLength:"2048" doc:"with this Call-ID of SIP"`
}

// oneCall names a call.
type oneCall struct {
	ID string `path:"call_id" maxLength:"100"`
}

// callAnswer is a call.
type callAnswer struct{ Body Call }

// accepted is an answer without a body.
type accepted struct{}

func (a *API) registerCalls() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-calls", Method: http.MethodGet, Path: Prefix + "/calls", Tags: []string{"calls"},
		Summary: "Calls that have not ended, by id, secondary ones too",
	}, func(_ context.Context, in *callQuery) (*callList, error) {
		out := &callList{}
		var all []Call
		for _, c := range a.cfg.Calls.Calls() {
			if in.SIPCallID == "" || c.SIPCallID == in.SIPCallID {
				all = append(all, callOf(c))
			}
		}
		out.Body.Calls, out.Body.Next = cut(all, in.Page, func(c Call) string { return c.ID })
		return out, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-call", Method: http.MethodGet, Path: Prefix + "/calls/{call_id}", Tags: []string{"calls"},
		Summary: "A call that has not ended", Errors: []int{http.StatusNotFound},
	}, func(_ context.Context, in *oneCall) (*callAnswer, error) {
		c, ok := a.cfg.Calls.Call(in.ID)
		if !ok {
			return nil, a.domainProblem(call.ErrNoCall)
		}
		return &callAnswer{Body: callOf(c)}, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "hang-up-call", Method: http.MethodDelete, Path: Prefix + "/calls/{call_id}", Tags: []string{"calls"},
		Summary: "Hang up", DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound},
		Description: "The call ends with the cause dropped and its final page is asked. The event call.ended says when.",
	}, func(_ context.Context, in *oneCall) (*accepted, error) {
		if err := a.cfg.Calls.HangUp(in.ID, call.Dropped); err != nil {
			return nil, a.domainProblem(err)
		}
		return &accepted{}, nil
	})
}
