package restapi

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"mediaserver/call"
	"mediaserver/internal/shorten"
)

// Bounds of what is remembered of instances.
const (
	maxFinished       = 2000 // instances that have ended
	maxDossierCalls   = 100  // of one instance, the last ones
	maxDossierErrors  = 100
	maxDossierMessage = 1000 // of an error [bytes]
)

// InstanceStatus is what application_status tells of an instance.
type InstanceStatus struct {
	Record ApplicationRecord `json:"adr"`
	Calls  []json.RawMessage `json:"cdrs"` // call info, the primary call first
	Errors []InstanceError   `json:"errs"` // in order
}

// ApplicationRecord is the data of an instance as a whole. Times are seconds
// since 1970; those of the end are null while it runs.
type ApplicationRecord struct {
	ID            string  `json:"application_instance_id"`
	Name          string  `json:"application_name"` // of the service
	StartTime     int64   `json:"start_time"`
	StartDatetime string  `json:"start_datetime"` // YYYY-MM-DD_hh:mm:ss, UTC
	StopTime      *int64  `json:"stop_time"`
	StopDatetime  *string `json:"stop_datetime"`
	Duration      *int64  `json:"duration"` // seconds
	ExtraCalls    int     `json:"extra_channel_count"`
}

// InstanceError is an error of an application, as its error page was told or
// would have been.
type InstanceError struct {
	Action string `json:"action"`
	Result string `json:"result"` // CODE: text
	Time   int64  `json:"time"`   // seconds since 1970
}

// DatetimeLayout is the form of formatted times in the web services.
const DatetimeLayout = "2006-01-02_15:04:05"

// dossier is what the outside may know of an instance and how it steers it.
// Safe for concurrent use.
type dossier struct {
	id      string
	service *Service
	started time.Time
	helm    helm

	mu      sync.Mutex
	stopped time.Time
	calls   []*callRecord // the primary first
	errs    []InstanceError
}

func newDossier(id string, service *Service) *dossier {
	return &dossier{id: id, service: service, started: time.Now()}
}

// callRecord is one call of an instance: alive, or what is kept of it.
type callRecord struct {
	life     lifecycle // nil after the end of the instance
	describe func(call.Info) callInfo
	kept     json.RawMessage
}

// add takes a call into the dossier, once.
func (d *dossier) add(life lifecycle, describe func(c call.Info) callInfo) {
	id := life.Info().ID
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.ContainsFunc(d.calls, func(r *callRecord) bool { return r.life != nil && r.life.Info().ID == id }) {
		return
	}
	if len(d.calls) == maxDossierCalls {
		d.calls = slices.Delete(d.calls, 1, 2)
	}
	d.calls = append(d.calls, &callRecord{life: life, describe: describe})
}

// json is the call info of the call.
func (r *callRecord) json() json.RawMessage {
	if r.life == nil {
		return r.kept
	}
	text, err := json.Marshal(r.describe(r.life.Info()))
	if err != nil {
		return json.RawMessage("null") // it has no values that cannot be written
	}
	return text
}

// fault notes an error of the application.
func (d *dossier) fault(f *ActionError) {
	text := shorten.Text(f.Error(), maxDossierMessage)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.errs) == maxDossierErrors {
		d.errs = slices.Delete(d.errs, 0, 1)
	}
	d.errs = append(d.errs, InstanceError{Action: f.Action, Result: text, Time: time.Now().Unix()})
}

// close ends the dossier: what is kept refers to no call any more.
func (d *dossier) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = time.Now()
	for _, r := range d.calls {
		r.kept, r.life, r.describe = r.json(), nil, nil
	}
}

func (d *dossier) status() InstanceStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := InstanceStatus{
		Record: ApplicationRecord{
			ID: d.id, Name: d.service.Name, ExtraCalls: *d.service.ExtraCalls,
			StartTime: d.started.Unix(), StartDatetime: d.started.UTC().Format(DatetimeLayout),
		},
		Calls: []json.RawMessage{}, Errors: append([]InstanceError{}, d.errs...),
	}
	if !d.stopped.IsZero() {
		s.Record.StopTime = new(d.stopped.Unix())
		s.Record.StopDatetime = new(d.stopped.UTC().Format(DatetimeLayout))
		s.Record.Duration = new(d.stopped.Unix() - d.started.Unix())
	}
	for _, r := range d.calls {
		s.Calls = append(s.Calls, r.json())
	}
	return s
}

// archive holds the dossiers of all that run and of the last that have ended.
// Safe for concurrent use.
type archive struct {
	mu       sync.Mutex
	byID     map[string]*dossier
	finished []string // ids, oldest first
}

func newArchive() *archive { return &archive{byID: map[string]*dossier{}} }

func (a *archive) open(d *dossier) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[d.id] = d
}

func (a *archive) find(id string) *dossier {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byID[id]
}

// close notes the end of an instance.
func (a *archive) close(d *dossier) {
	d.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.finished = append(a.finished, d.id)
	if len(a.finished) > maxFinished {
		delete(a.byID, a.finished[0])
		a.finished = a.finished[1:]
	}
}

// Status tells of an instance that runs or has ended not too long ago.
func (s *Server) Status(instance string) (InstanceStatus, bool) {
	d := s.archive.find(instance)
	if d == nil {
		return InstanceStatus{}, false
	}
	return d.status(), true
}
