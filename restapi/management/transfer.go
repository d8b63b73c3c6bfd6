package management

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/call"
)

// transfer says where a far end is sent.
type transfer struct {
	ID   string `path:"call_id" maxLength:"100"`
	Body struct {
		To       string `json:"to,omitempty" maxLength:"2048" doc:"telephone number or SIP address, also with tel: and sip:; may be left out with replaces" example:"sip:desk@pbx.example"`
		Replaces string `json:"replaces,omitempty" maxLength:"100" doc:"call_id of another call of this server: the far end is put through to the far end of that call, and that call ends as well (attended transfer)"`
	}
}

// transferred is what became of it.
type transferred struct {
	Body struct {
		Code int `json:"code" doc:"SIP code that the far end got: 200 to 299; 202 if it agreed and did not say more" example:"200"`
	}
}

func (a *API) registerTransfer() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "transfer-call", Method: http.MethodPost, Path: Prefix + "/calls/{call_id}/transfer", Tags: []string{"calls"},
		Summary: "Send the far end to somebody else",
		Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusBadGateway},
		Description: "The far end of an answered call by SIP is asked to call somebody else by itself (REFER). The answer comes when " +
			"that call is answered or has failed, after 30 seconds at most. The call here then ends with the cause completed; if the " +
			"transfer fails it goes on, and the problem has the status 502 and the SIP code in its detail.",
	}, func(ctx context.Context, in *transfer) (*transferred, error) {
		if in.Body.To == "" && in.Body.Replaces == "" {
			return nil, problemOf(http.StatusUnprocessableEntity, "nowhere to transfer to", detail("body.to", "give to, replaces, or both"))
		}
		code, err := a.cfg.Calls.Transfer(ctx, in.ID, call.TransferOptions{To: in.Body.To, Replaces: in.Body.Replaces}, nil)
		if failed, ok := errors.AsType[*call.TransferError](err); ok {
			return nil, problemOf(http.StatusBadGateway, "the far end was not transferred", detail("sip", "%d: %v", failed.Code, failed.Err))
		}
		if err != nil {
			return nil, a.domainProblem(err)
		}
		out := &transferred{}
		out.Body.Code = code
		return out, nil
	})
}
