package webservice

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"mediaserver/restapi"
	"mediaserver/restapi/auth"
)

// callsParameter is what service_start is given; callsAlias its older name.
const (
	callsParameter = "rest_calls"
	callsAlias     = "outbound_parameters"
)

// serviceName is the outbound service that a request is about: that of the
// login, or else a parameter.
func (q *request) serviceName() string {
	own := auth.IdentityOf(q.r.Context()).Service
	if own == "" {
		return q.required("service", maxParameter)
	}
	if given := q.optional("service", maxParameter); given != "" && given != own {
		q.bad("service", "is not the one that the login is for")
	}
	return own
}

func (s *Services) serviceStart(q *request) (any, error) {
	service := q.serviceName()
	name := callsParameter
	if !q.has(callsParameter) && q.has(callsAlias) {
		name = callsAlias
	} else if q.has(callsParameter) && q.has(callsAlias) {
		q.twice = append(q.twice, callsParameter)
	}
	text := q.document(name, maxForm)
	if err := q.fault(); err != nil {
		return nil, err
	}
	calls, err := readCalls(name, text)
	if err != nil {
		return nil, err
	}
	references, err := s.cfg.Applications.Start(q.r.Context(), restapi.StartRequest{Service: service, Calls: calls})
	bad, isCall := errors.AsType[*restapi.CallError](err)
	switch {
	case isCall:
		return nil, malformed(place(name, bad.Index, bad.Field), bad.Text)
	case errors.Is(err, restapi.ErrNoService):
		return nil, notFound("outbound service", "service")
	case errors.Is(err, restapi.ErrQueueFull), errors.Is(err, restapi.ErrDraining):
		q.w.Header().Set("Retry-After", "30")
		return nil, statusFault(http.StatusServiceUnavailable, strings.TrimPrefix(err.Error(), "restapi: "))
	case err != nil:
		return nil, err
	}
	return references, nil
}

// document is a mandatory parameter that may hold line breaks.
func (f *form) document(name string, most int) string {
	list := f.values[name]
	switch {
	case len(list) == 0 || len(list) == 1 && list[0] == "":
		f.missing = append(f.missing, name)
	case len(list) > 1:
		f.twice = append(f.twice, name)
	case len(list[0]) > most:
		f.bad(name, "is longer than "+strconv.Itoa(most)+" bytes")
	default:
		return list[0]
	}
	return ""
}

// place is where in a parameter something is.
func place(name string, index int, field string) string {
	return name + "[" + strconv.Itoa(index) + "]." + field
}

// givenCall is a call in rest_calls.
type givenCall struct {
	To         *string `json:"to"`
	From       *string `json:"from"`
	Token      *string `json:"token"`
	Parameters *string `json:"outbound_parameters"`
}

// readCalls reads one call or an array of them.
func readCalls(name, text string) ([]restapi.OutboundCall, error) {
	raw := []json.RawMessage{json.RawMessage(text)}
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[") {
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			return nil, malformed(name, "is not JSON")
		}
	}
	if len(raw) == 0 || len(raw) > restapi.MaxStartCalls {
		return nil, malformed(name, "does not hold 1 to "+strconv.Itoa(restapi.MaxStartCalls)+" calls")
	}
	calls := make([]restapi.OutboundCall, len(raw))
	for i, one := range raw {
		var c givenCall
		if err := json.Unmarshal(one, &c); err != nil {
			wrong, isType := errors.AsType[*json.UnmarshalTypeError](err)
			if isType && wrong.Field != "" {
				return nil, malformed(place(name, i, wrong.Field), "is not a text")
			}
			return nil, malformed(name, "is not a JSON object or an array of them")
		}
		if c.To == nil || *c.To == "" {
			return nil, parameterFault(codeMissing, "Mandatory parameter missing", place(name, i, "to"))
		}
		calls[i] = restapi.OutboundCall{To: *c.To, Token: c.Token}
		if c.From != nil {
			calls[i].From = *c.From
		}
		if c.Parameters != nil {
			calls[i].Parameters = *c.Parameters
		}
	}
	return calls, nil
}

// references is what service_cancel and service_status are given.
const references = "service_invocation_reference_ids"

func (s *Services) serviceCancel(q *request) (any, error) {
	list := q.ids(references)
	if err := q.fault(); err != nil {
		return nil, err
	}
	out, err := s.cfg.Applications.Cancel(auth.IdentityOf(q.r.Context()).Service, list)
	if err != nil {
		return nil, referenceFault(err)
	}
	return out, nil
}

func (s *Services) serviceStatus(q *request) (any, error) {
	list := q.ids(references)
	if err := q.fault(); err != nil {
		return nil, err
	}
	out, err := s.cfg.Applications.InvocationStatuses(auth.IdentityOf(q.r.Context()).Service, list)
	if err != nil {
		return nil, referenceFault(err)
	}
	return out, nil
}

// referenceFault says which reference is not known.
func referenceFault(err error) error {
	if unknown, ok := errors.AsType[*restapi.UnknownReference](err); ok {
		return statusFault(http.StatusNotFound, "no such reference id: "+unknown.Reference, references)
	}
	return err
}

func (s *Services) applicationStatus(q *request) (any, error) {
	id := q.required("application_instance_id", maxParameter)
	if err := q.fault(); err != nil {
		return nil, err
	}
	status, ok := s.cfg.Applications.Status(id)
	if !ok {
		return nil, notFound("application instance", "application_instance_id")
	}
	return status, nil
}

// interruptDetail is an outcome of rest_interrupt with detail=true.
type interruptDetail struct {
	Result restapi.InterruptResult `json:"result"`
	Action string                  `json:"action"`
}

func (s *Services) restInterrupt(q *request) (any, error) {
	ids := q.ids("application_instance_ids")
	page := restapi.Page{URL: q.optional("redirect_page", maxParameter), Method: q.optional("redirect_method", maxParameter)}
	if u, err := url.Parse(page.URL); page.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		q.bad("redirect_page", "is not an absolute http or https address")
	}
	if page.Method != "" && page.Method != http.MethodGet && page.Method != http.MethodPost {
		q.bad("redirect_method", "is neither GET nor POST")
	}
	detail := q.boolean("detail")
	if err := q.fault(); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(ids))
	for _, id := range ids {
		if _, twice := out[id]; twice {
			continue
		}
		result := s.cfg.Applications.Interrupt(id, page)
		if detail != nil && *detail {
			out[id] = interruptDetail{Result: result.Result, Action: result.Action}
		} else {
			out[id] = result.Result
		}
	}
	return out, nil
}
