package restapi

import (
	"context"
	"errors"
	"sync"

	"mediaserver/call"
)

// errInterrupted is why the context of an instance's actions ends when the
// web service rest_interrupt stops them.
var errInterrupted = errors.New("restapi: interrupted")

// interruption is the wish to stop what an instance does and to go on with
// another page.
type interruption struct {
	page   Page   // the zero Page: hang up
	action string // that was running, "" for none
}

// phase says where the course of an instance's primary call stands.
type phase uint8

const (
	idlePhase    phase = iota // not begun
	actingPhase               // asks pages and runs actions
	closingPhase              // is at its end: nothing can be interrupted any more
)

// helm is where an instance can be steered from outside. Safe for concurrent
// use.
type helm struct {
	mu     sync.Mutex
	phase  phase
	action string // of the primary's list that is running, "" for none
	stop   context.CancelCauseFunc
	wish   *interruption // not yet taken
}

// take begins a part of the course that can be interrupted: its context ends
// with errInterrupted. Pages are asked in ctx all the same, see pageContext.
func (h *helm) take(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	acting, stop := context.WithCancelCause(context.WithValue(ctx, outerContext{}, ctx))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.phase, h.stop = actingPhase, stop
	if h.wish != nil { // it came before
		stop(errInterrupted)
	}
	return acting, stop
}

// release ends that part and returns the wish that came meanwhile. Without
// one the course is at its end.
func (h *helm) release() *interruption {
	h.mu.Lock()
	defer h.mu.Unlock()
	wish := h.wish
	h.wish, h.action = nil, ""
	if wish == nil {
		h.phase = closingPhase // in one step: no wish comes between
	}
	return wish
}

// close ends the course: nothing can be interrupted any more.
func (h *helm) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.phase = closingPhase
}

// running notes the action that is running.
func (h *helm) running(action string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.action = action
}

// interrupt has the course go on with a page. It reports the action that was
// running, and false when the course is at its end.
func (h *helm) interrupt(p Page) (action string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase == closingPhase {
		return "", false
	}
	if h.wish == nil {
		h.wish = &interruption{action: h.action}
	}
	h.wish.page = p // the last wish counts
	if h.stop != nil {
		h.stop(errInterrupted)
	}
	return h.wish.action, true
}

// outerContext is the key of the context that does not end with an interrupt.
type outerContext struct{}

// pageContext is the context in which pages are asked: a request under way is
// not given up for an interrupt, and what must be asked after one can be.
func pageContext(ctx context.Context) context.Context {
	if outer, ok := ctx.Value(outerContext{}).(context.Context); ok {
		return outer
	}
	return ctx
}

// conduct is the course of the primary call from its first page to what ends
// it: its list, an error and its page, and what interrupts send it to.
func (in *instance) conduct(ctx context.Context, c *course) error {
	defer in.dossier.helm.close() // also after a wish that leads to no other page
	begin := func(ctx context.Context) error { return in.begin(ctx, c, in.service.FirstPage, nil) }
	for {
		acting, stop := in.dossier.helm.take(ctx)
		err := in.rescue(acting, c, begin(acting))
		wish := in.dossier.helm.release()
		stop(nil)
		switch {
		case wish == nil:
			return err
		case c.over():
			return call.ErrEnded
		case !wish.page.isSet():
			return errHangUp
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		in.log.Info("interrupted", "action", wish.action, "redirect_page", redact(wish.page.URL))
		begin = func(ctx context.Context) error {
			list, err := in.ask(ctx, c, question{
				kind: nextPage, page: wish.page, result: &actionResult{Action: wish.action, Interrupted: true},
			})
			if err != nil {
				return err
			}
			return in.follow(ctx, c, list)
		}
	}
}

// Interrupt tells what became of an interrupt of one instance.
type Interrupt struct {
	Result InterruptResult
	Action string // that was running, "" for none
}

// InterruptResult is the outcome of an interrupt in the words of
// rest_interrupt.
type InterruptResult string

// The outcomes of an interrupt.
const (
	Interrupted      InterruptResult = "interrupted"
	NoSuchInstance   InterruptResult = "no such application"
	AlreadyCompleted InterruptResult = "application already completed"
)

// Interrupt stops the running action of an instance, drops its list, and has
// it ask a page; with the zero Page it hangs up. It does not wait for that.
func (s *Server) Interrupt(instance string, redirect Page) Interrupt {
	d := s.archive.find(instance)
	if d == nil {
		return Interrupt{Result: NoSuchInstance}
	}
	action, ok := d.helm.interrupt(redirect)
	if !ok {
		return Interrupt{Result: AlreadyCompleted}
	}
	return Interrupt{Result: Interrupted, Action: action}
}
