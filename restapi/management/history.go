package management

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/restapi/records"
	"mediaserver/restapi/store"
)

// maxScanned bounds the records that one request looks at.
const maxScanned = 20_000

// maxRecordBytes is how much a page of records may be before the last of them
// [bytes]: one record is 1 MiB at most.
const maxRecordBytes = 16 << 20

// recordQuery asks for records, the latest first.
type recordQuery struct {
	Limit    int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many at most: a search through many records, or large ones, yields fewer, and next"`
	Before   string    `query:"before" maxLength:"400" pattern:"^([0-9a-f]{2})*$" doc:"next of the page before"`
	From     time.Time `query:"from" doc:"ended at this time or later"`
	To       time.Time `query:"to" doc:"ended before this time"`
	Instance string    `query:"application_instance_id" maxLength:"100" doc:"of this application instance"`
	Service  string    `query:"service" maxLength:"200" doc:"of this service"`
	SIPCall  string    `query:"sip_call_id" maxLength:"2048" doc:"with this Call-ID of SIP"`
	Cause    string    `query:"cause" enum:"completed,hung_up,no_answer,busy,unobtainable,dropped,failed" doc:"ended so"`
}

// fits reports whether a record is asked for.
func (q *recordQuery) fits(r *records.Record) bool {
	return (q.Instance == "" || r.Instance == q.Instance) && (q.Service == "" || r.Service == q.Service) &&
		(q.SIPCall == "" || r.HasDialog(q.SIPCall)) && (q.Cause == "" || r.Cause.String() == q.Cause)
}

// recordList is a page of records.
type recordList struct {
	Body struct {
		Records []records.Record `json:"records"`
		Next    string           `json:"next,omitempty" doc:"the value of before for the next page; left out at the end"`
	}
}

// recordAnswer is a record.
type recordAnswer struct{ Body records.Record }

// eventQuery asks for events of the history.
type eventQuery struct {
	After uint64 `query:"after" doc:"events after this sequence number; 0 for the oldest there are"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many"`
}

// auditQuery asks for changes, the latest first.
type auditQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many"`
	Before string `query:"before" maxLength:"400" pattern:"^([0-9a-f]{2})*$" doc:"next of the page before"`
}

// auditList is a page of changes.
type auditList struct {
	Body struct {
		Changes []Change `json:"changes"`
		Next    string   `json:"next,omitempty" doc:"the value of before for the next page; left out at the end"`
	}
}

// auditPattern is the operation that needs the role admin.
const auditPattern = http.MethodGet + " " + Prefix + "/audit"

func (a *API) registerRecords() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-records", Method: http.MethodGet, Path: Prefix + "/records", Tags: []string{"records"},
		Summary: "Records of calls that have ended, the latest first", Errors: []int{http.StatusNotImplemented},
	}, func(_ context.Context, in *recordQuery) (*recordList, error) { return a.records(in) })
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-record", Method: http.MethodGet, Path: Prefix + "/records/{call_id}", Tags: []string{"records"},
		Summary: "The record of a call", Errors: []int{http.StatusNotFound, http.StatusNotImplemented},
	}, func(_ context.Context, in *oneCall) (*recordAnswer, error) { return a.record(in.ID) })
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-changes", Method: http.MethodGet, Path: Prefix + "/audit", Tags: []string{"records"},
		Summary: "Changes that were asked for over HTTP, the latest first", Description: "Needs the role admin.",
		Errors: []int{http.StatusForbidden, http.StatusNotImplemented},
	}, func(_ context.Context, in *auditQuery) (*auditList, error) { return a.changes(in) })
}

// noStore: there is nowhere to look.
func (a *API) noStore() error {
	return problemOf(http.StatusNotImplemented, "this server keeps no state", detail("configuration", "%s", a.cfg.NoRecords))
}

// place is the key in a cursor; the pattern of the parameter has been checked.
func place(cursor string) []byte {
	key, err := hex.DecodeString(cursor)
	if err != nil || len(key) == 0 {
		return nil
	}
	return key
}

func (a *API) records(q *recordQuery) (*recordList, error) {
	if a.cfg.Records == nil {
		return nil, a.noStore()
	}
	before := place(q.Before)
	if before == nil && !q.To.IsZero() {
		before = store.RecordKey(q.To, "")
	}
	out := &recordList{}
	out.Body.Records = []records.Record{}
	var last []byte
	scanned, size, more := 0, 0, false
	err := a.cfg.Records.Records(before, func(r store.Record) bool {
		if r.End.Before(q.From) {
			return false
		}
		if len(out.Body.Records) == q.Limit || scanned == maxScanned || size >= maxRecordBytes {
			more = true
			return false
		}
		scanned++
		last = store.RecordKey(r.End, r.ID)
		var one records.Record
		if err := json.Unmarshal(r.JSON, &one); err != nil {
			a.cfg.Logger.Warn("a call record cannot be read", "call_id", r.ID, "error", err)
			return true
		}
		if q.fits(&one) {
			out.Body.Records = append(out.Body.Records, one)
			size += len(r.JSON)
		}
		return true
	})
	if more {
		out.Body.Next = hex.EncodeToString(last)
	}
	if err != nil {
		return nil, a.domainProblem(err)
	}
	return out, nil
}

func (a *API) record(id string) (*recordAnswer, error) {
	if a.cfg.Records == nil {
		return nil, a.noStore()
	}
	r, ok, err := a.cfg.Records.Record(id)
	if err != nil {
		return nil, a.domainProblem(err)
	}
	if !ok {
		return nil, problemOf(http.StatusNotFound, "no record of this call", detail("path.call_id", "a record is there when the call and its application have ended"))
	}
	out := &recordAnswer{}
	if err := json.Unmarshal(r.JSON, &out.Body); err != nil {
		return nil, a.domainProblem(err)
	}
	return out, nil
}

func (a *API) changes(q *auditQuery) (*auditList, error) {
	if a.cfg.Records == nil {
		return nil, a.noStore()
	}
	entries, err := a.cfg.Records.Audit(place(q.Before), q.Limit)
	if err != nil {
		return nil, a.domainProblem(err)
	}
	out := &auditList{}
	out.Body.Changes = []Change{}
	for _, e := range entries {
		var c Change
		if err := json.Unmarshal(e.JSON, &c); err == nil {
			out.Body.Changes = append(out.Body.Changes, c)
		}
	}
	if len(entries) == q.Limit {
		out.Body.Next = hex.EncodeToString(entries[len(entries)-1].Key)
	}
	return out, nil
}
