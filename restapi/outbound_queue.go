package restapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
)

// InvocationState says where a call of an outbound service stands.
type InvocationState string

// The states of a call of service_start.
const (
	StatusQueued      InvocationState = "QUEUED"
	StatusRunning     InvocationState = "RUNNING"
	StatusCompleted   InvocationState = "COMPLETED"
	StatusCouldNotRun InvocationState = "COULDNOTRUN" // not answered, or cancelled
)

// InvocationStatus is what service_status tells of a call.
type InvocationStatus struct {
	Status     InvocationState `json:"status"`
	ReturnCode int             `json:"return_code"` // 0: nothing to say; a SIP code, or -1 for none
	Text       string          `json:"text"`
	InstanceID string          `json:"application_instance_id"` // "" before it has begun
}

// invocation is one call of an outbound service from its queueing on. The
// fields of the second group are guarded by its dispatcher.
type invocation struct {
	owner       *dispatcher
	reference   string
	service     *Service
	call        OutboundCall
	destination call.Destination
	queued      time.Time

	status InvocationStatus
}

// begins notes that the call is being placed.
func (v *invocation) begins(instance string) {
	v.owner.mu.Lock()
	defer v.owner.mu.Unlock()
	v.status.Status, v.status.InstanceID = StatusRunning, instance
}

// ends notes what became of the call.
func (v *invocation) ends(state InvocationState, code int, text string) {
	v.owner.mu.Lock()
	defer v.owner.mu.Unlock()
	v.status.Status, v.status.ReturnCode, v.status.Text = state, code, text
}

// keptCall is a queued call in the store.
type keptCall struct {
	Service string       `json:"service"`
	Call    OutboundCall `json:"call"`
	Queued  time.Time    `json:"queued"`
	Order   int          `json:"order"` // among those of one request
}

// dispatcher queues the calls of all outbound services and hands them out.
// Safe for concurrent use.
type dispatcher struct {
	keeper  call.Keeper                // nil: the queue ends with the process
	service func(name string) *Service // as it is configured now, nil: not at all
	kick    chan struct{}
	waits   prometheus.Gauge

	mu       sync.Mutex
	byRef    map[string]*invocation
	queues   map[string][]*invocation // by service, as all below: what a reload puts in its place goes on with them
	coming   map[string]int           // being kept, with a place in the queue already
	running  map[string]int
	finished []string // references, oldest first
	draining bool
}

func newDispatcher(keeper call.Keeper, waits prometheus.Gauge, service func(name string) *Service) *dispatcher {
	return &dispatcher{
		waits: waits, keeper: keeper, service: service, kick: make(chan struct{}, 1), byRef: map[string]*invocation{},
		queues: map[string][]*invocation{}, coming: map[string]int{}, running: map[string]int{},
	}
}

// wake has run look at the queues.
func (d *dispatcher) wake() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// enqueue takes all calls of a list or none.
func (d *dispatcher) enqueue(service *Service, list []*invocation) ([]string, error) {
	refs, err := d.admit(service, list)
	if err != nil {
		return nil, err
	}
	kept := d.keep(service, list)
	d.mu.Lock()
	d.coming[service.Name] -= len(list)
	if kept == nil {
		d.queues[service.Name] = append(d.queues[service.Name], list...)
		d.waits.Add(float64(len(list)))
	}
	d.mu.Unlock()
	if kept != nil {
		return nil, errors.Join(kept, d.unname(refs))
	}
	d.wake()
	return refs, nil
}

// admit gives calls a place in the queue and their references. They are known
// from then on: load, which finds calls in the store as soon as they are kept,
// leaves these to enqueue.
func (d *dispatcher) admit(service *Service, list []*invocation) ([]string, error) {
	now := time.Now()
	refs := make([]string, len(list))
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.draining:
		return nil, ErrDraining
	case len(d.queues[service.Name])+d.coming[service.Name]+len(list) > service.Outbound.MaxQueued:
		return nil, ErrQueueFull
	}
	d.coming[service.Name] += len(list)
	for i, v := range list {
		v.owner, v.reference, v.queued = d, "r-"+rand.Text(), now
		v.status.Status = StatusQueued
		refs[i] = v.reference
		d.byRef[v.reference] = v
	}
	return refs, nil
}

// unname takes back the references of admit and what keep has written.
func (d *dispatcher) unname(refs []string) error {
	d.mu.Lock()
	for _, r := range refs {
		delete(d.byRef, r)
	}
	d.mu.Unlock()
	return d.forget(refs)
}

// keep writes calls to the store.
func (d *dispatcher) keep(service *Service, list []*invocation) error {
	if d.keeper == nil {
		return nil
	}
	for i, v := range list {
		if err := d.keeper.Put(v.reference, keptCall{Service: service.Name, Call: v.call, Queued: v.queued, Order: i}); err != nil {
			return fmt.Errorf("keep the queued call: %w", err)
		}
	}
	return nil
}

// forget takes references out of the store; what cannot be taken out is
// called once more after a restart at most.
func (d *dispatcher) forget(refs []string) error {
	if d.keeper == nil {
		return nil
	}
	var errs []error
	for _, r := range refs {
		errs = append(errs, d.keeper.Delete(r))
	}
	return errors.Join(errs...)
}

// run hands out calls until ctx ends and waits for what is running.
func (d *dispatcher) run(ctx context.Context, place func(context.Context, *invocation)) error {
	if err := d.load(); err != nil {
		return err
	}
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		for _, v := range d.ready() {
			calls.Go(func() {
				defer d.done(v)
				if err := d.forget([]string{v.reference}); err != nil {
					v.ends(StatusCouldNotRun, -1, "the queue cannot be written")
					return // else it might be called twice
				}
				place(ctx, v)
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.kick:
		}
	}
}

// ready takes what may begin now off the queues.
func (d *dispatcher) ready() []*invocation {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draining {
		return nil
	}
	var list []*invocation
	for name, queue := range d.queues {
		n := min(len(queue), max(d.limit(name, queue)-d.running[name], 0))
		for _, v := range queue[:n] {
			v.status.Status = StatusRunning
		}
		list = append(list, queue[:n]...)
		d.queues[name] = slices.Clone(queue[n:])
		d.running[name] += n
		d.waits.Sub(float64(n))
	}
	return list
}

// limit is how many calls of a service there may be at a time: as it is configured
// now, or was when the first of its queue came.
func (d *dispatcher) limit(name string, queue []*invocation) int {
	if now := d.service(name); now != nil {
		return now.Outbound.MaxCalls
	}
	if len(queue) > 0 {
		return queue[0].service.Outbound.MaxCalls
	}
	return 0
}

// done makes room for the next call.
func (d *dispatcher) done(v *invocation) {
	d.mu.Lock()
	d.running[v.service.Name]--
	if v.status.Status == StatusRunning { // a fault
		v.status.Status, v.status.ReturnCode = StatusCouldNotRun, -1
	}
	d.finish(v)
	d.mu.Unlock()
	d.wake()
}

// finish keeps the outcome of v for a while; d.mu is held.
func (d *dispatcher) finish(v *invocation) {
	d.finished = append(d.finished, v.reference)
	if len(d.finished) > maxReferences {
		delete(d.byRef, d.finished[0])
		d.finished = d.finished[1:]
	}
}

func (d *dispatcher) drain() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = true
}

// load takes up what a process before this one had queued, in its order, but
// for what has waited too long.
func (d *dispatcher) load() error {
	if d.keeper == nil {
		return nil
	}
	var list []*invocation
	order := map[*invocation]int{}
	var stale []string
	err := d.keeper.Each(func(key string, text []byte) error {
		var k keptCall
		if err := json.Unmarshal(text, &k); err != nil {
			return fmt.Errorf("queued call %s: %w", key, err)
		}
		service := d.service(k.Service)
		if service == nil || time.Since(k.Queued) > maxQueueAge {
			stale = append(stale, key)
			return nil
		}
		destination, err := service.destination(k.Call)
		if err != nil { // the configuration has changed
			stale = append(stale, key)
			return nil
		}
		v := &invocation{owner: d, reference: key, service: service, call: k.Call, destination: destination, queued: k.Queued}
		v.status.Status = StatusQueued
		order[v] = k.Order
		list = append(list, v)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *invocation) int {
		if c := a.queued.Compare(b.queued); c != 0 {
			return c
		}
		return order[a] - order[b]
	})
	d.mu.Lock()
	for _, v := range list {
		if d.byRef[v.reference] == nil { // else it came after the start
			d.byRef[v.reference] = v
			d.queues[v.service.Name] = append(d.queues[v.service.Name], v)
			d.waits.Inc()
		}
	}
	d.mu.Unlock()
	return d.forget(stale)
}

// Outcomes of a cancellation.
const (
	Cancelled      = "cancelled"
	AlreadyStarted = "already started"
)

// UnknownReference: no call has that reference id, or none of the service.
type UnknownReference struct{ Reference string }

// Error names the reference.
func (e *UnknownReference) Error() string {
	return fmt.Sprintf("restapi: no such reference %q", e.Reference)
}

// Cancel takes calls off the queue that have not begun and says of each what
// became of it: Cancelled or AlreadyStarted. service "" is any. A reference
// that is not known is an *UnknownReference, and nothing is done.
func (s *Server) Cancel(service string, references []string) (map[string]string, error) {
	d := s.calls
	out, err := d.cancel(service, references)
	if err != nil {
		return nil, err
	}
	var cancelled []string
	for ref, outcome := range out {
		if outcome == Cancelled {
			cancelled = append(cancelled, ref)
		}
	}
	return out, d.forget(cancelled)
}

func (d *dispatcher) cancel(service string, references []string) (map[string]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list, err := d.find(service, references)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(list))
	for _, v := range list {
		if v.status.Status == StatusQueued {
			d.withdraw(v)
		}
		out[v.reference] = AlreadyStarted
		if v.status.Text == Cancelled { // now, or when it was asked for before
			out[v.reference] = Cancelled
		}
	}
	return out, nil
}

// withdraw takes a call off its queue; d.mu is held.
func (d *dispatcher) withdraw(v *invocation) {
	name := v.service.Name
	d.queues[name] = slices.DeleteFunc(d.queues[name], func(w *invocation) bool { return w == v })
	v.status = InvocationStatus{Status: StatusCouldNotRun, ReturnCode: -1, Text: Cancelled}
	d.finish(v)
	d.waits.Dec()
}

// find looks references up; d.mu is held.
func (d *dispatcher) find(service string, references []string) ([]*invocation, error) {
	list := make([]*invocation, len(references))
	for i, ref := range references {
		v := d.byRef[ref]
		if v == nil || service != "" && v.service.Name != service {
			return nil, &UnknownReference{ref}
		}
		list[i] = v
	}
	return list, nil
}

// InvocationStatuses tells of calls of service_start by their references.
// service "" is any. A reference that is not known is an *UnknownReference.
func (s *Server) InvocationStatuses(service string, references []string) (map[string]InvocationStatus, error) {
	d := s.calls
	d.mu.Lock()
	defer d.mu.Unlock()
	list, err := d.find(service, references)
	if err != nil {
		return nil, err
	}
	out := make(map[string]InvocationStatus, len(list))
	for _, v := range list {
		out[v.reference] = v.status
	}
	return out, nil
}
