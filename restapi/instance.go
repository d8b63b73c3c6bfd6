package restapi

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"mediaserver/call"
	"mediaserver/internal/apart"
)

// instance is one run of a service for one call. One goroutine only.
type instance struct {
	service *Service
	metrics *Metrics
	browser *browser
	log     *slog.Logger

	id          string
	logName     string
	token       *string // last returned by the application
	redirects   int     // redirect actions since the last other action
	secondaries int     // secondary calls tried
	primary     *course
	dossier     *dossier // what the outside knows of it
	outbound    *string  // outbound_parameters of service_start; nil: inbound

	files   Remover        // nil: none
	notices sync.WaitGroup // notifications under way
}

func newInstance(s *Server, d *dossier, v verbs) *instance {
	service, id := d.service, d.id
	name := logName(time.Now(), id)
	in := &instance{
		service: service, metrics: s.cfg.Metrics, browser: newBrowser(&s.cfg, service),
		log: newInstanceLog(s, id, name), id: id, logName: name, files: s.cfg.Files,
	}
	in.primary = &course{verbs: v, errorPage: service.ErrorPage}
	v.life.SetLogger(in.log)
	in.dossier = d
	in.know(in.primary)
	return in
}

// run is the whole life of the instance.
func (in *instance) run(ctx context.Context) {
	c := in.primary
	in.starts(c)
	defer in.emitEnded()
	err := in.conduct(ctx, c)
	c.verbs.life.HangUp(causeOf(err))
	in.notices.Wait()
	in.finalPage(ctx, c, in.service.FinalPage, nil)
	in.ends(c)
}

// starts tells that the instance has begun.
func (in *instance) starts(c *course) {
	info := c.verbs.life.Info()
	in.log.Info("instance starts", "service", in.service.Name, "call_id", info.ID, "sip_call_id", info.SIPCallID,
		"call_from", info.From, "call_to", info.To)
	in.emitStarted(info)
	c.verbs.life.SetMaxDuration(in.service.MaxDuration)
}

// ends tells that it is over.
func (in *instance) ends(c *course) {
	info := c.verbs.life.Info()
	in.log.Info("instance ends", "call_id", info.ID, "call_cause", info.Cause.String(), "duration_ms", info.Duration.Milliseconds())
}

// begin asks the first page of a call and runs its list to the end.
func (in *instance) begin(ctx context.Context, c *course, first Page, base *url.URL) error {
	in.know(c)
	list, err := in.ask(ctx, c, question{kind: firstPage, page: first, base: base})
	if err != nil {
		return err
	}
	if c.secondary {
		c.cipher = list.cipher
	} else if err := in.record(ctx, c, in.service.Recording.options(), list.cipher, 1, "", ""); err != nil {
		return err
	}
	return in.follow(ctx, c, list)
}

// causeOf is why a call ends whose course ended with err.
func causeOf(err error) call.Cause {
	switch {
	case err == nil, errors.Is(err, errHangUp), errors.Is(err, call.ErrEnded):
		return call.Completed
	case isFailure(err):
		return call.Failed
	default:
		return call.Dropped // ctx has ended
	}
}

// isFailure says whether err is one that error pages are asked about.
func isFailure(err error) bool {
	_, ok := errors.AsType[*ActionError](err)
	return ok
}

// question is one page request.
type question struct {
	kind   pageKind
	page   Page
	base   *url.URL // what the page's address is relative to
	result *actionResult
	fault  *ActionError
}

// ask asks a page for actions, while there is a call for them. Its answer
// counts only while there still is: of a later one the token is kept.
func (in *instance) ask(ctx context.Context, c *course, q question) (*answer, error) {
	if halt := in.halted(ctx, c); halt != nil {
		return nil, halt
	}
	list, err := in.request(ctx, c, c.verbs.life.Info(), q)
	if err == nil && list.hasToken {
		in.token = list.token
	}
	if halt := in.halted(ctx, c); halt != nil {
		return nil, halt
	}
	return list, err
}

// halted is why nothing more is to be done for c: call.ErrEnded when its call
// or the primary has ended, or why ctx has; nil is to go on.
func (in *instance) halted(ctx context.Context, c *course) error {
	if c.over() || in.primary.over() {
		return call.ErrEnded
	}
	return context.Cause(ctx)
}

// know enters a call into the dossier.
func (in *instance) know(c *course) {
	in.dossier.add(c.verbs.life, func(info call.Info) callInfo { return in.callInfo(info, info.State == call.Idle) })
}

// request makes one page request and judges the answer, which goes deep.
func (in *instance) request(ctx context.Context, c *course, of call.Info, q question) (list *answer, err error) {
	apart.Run(func() { list, err = in.inquire(ctx, c, of, q) })
	return list, err
}

func (in *instance) inquire(ctx context.Context, c *course, of call.Info, q question) (*answer, error) {
	kind := q.kind.of(c.secondary)
	start := time.Now()
	in.emitPage(of.ID, kind, q, "", 0)
	list, err := in.exchange(ctx, c, of, kind, q)
	outcome := outcomeOf(err)
	in.metrics.asked(kind, outcome, time.Since(start))
	in.emitPage(of.ID, kind, q, outcome, time.Since(start))
	in.log.Debug("page asked", "page", kind, "url", redact(q.page.URL), "method", q.page.method(), "outcome", outcome,
		"took_ms", time.Since(start).Milliseconds())
	return list, err
}

// outcomeOf is what became of a page request, for logs and metrics.
func outcomeOf(err error) string {
	if fault, ok := errors.AsType[*ActionError](err); ok {
		return strings.ToLower(string(fault.Code))
	}
	if err != nil {
		return outcomeGivenUp
	}
	return outcomeOK
}

// outcomeGivenUp: the call ended before the page had answered.
const outcomeGivenUp = "given_up"

// pageOutcomes are all that outcomeOf gives for a page.
func pageOutcomes() []string {
	all := []string{outcomeOK, outcomeGivenUp}
	for _, code := range pageCodes() {
		all = append(all, strings.ToLower(string(code)))
	}
	return all
}

func (in *instance) exchange(ctx context.Context, c *course, of call.Info, kind pageKind, q question) (*answer, error) {
	address, err := resolve(q.base, q.page)
	if err != nil {
		return nil, failure(CodePageUnreachable, err, "%s: %v", redact(q.page.URL), err)
	}
	info := in.instanceInfo(of, kind)
	info.ActionResult, info.DroppedCalls = q.result, in.droppedCalls(c, kind)
	if q.fault != nil {
		info.ErrorResult = &errorResult{Action: q.fault.Action, Result: q.fault.Error()}
	}
	body, err := info.encode()
	if err != nil {
		return nil, failure(CodeInternal, err, "the request could not be written")
	}
	in.logRequest(kind, q, body)
	start := time.Now()
	r, err := in.browser.fetch(pageContext(ctx), q.page.method(), address, body)
	if err != nil {
		return nil, err
	}
	in.logAnswer(kind, r.body, time.Since(start))
	list, warnings, fault := decodeAnswer(r.body, in.rules(c))
	if fault != nil && (kind == finalPage || kind == secondaryFinalPage) {
		if len(r.body) > 0 { // whatever else it answers is fine
			in.log.Info("the answer of a final page is no list", "page", kind, "code", fault.Code, "error", fault.Text)
		}
		return &answer{}, nil
	}
	for _, w := range warnings {
		in.log.Warn("answer of a page", "page", kind, "warning", w)
	}
	if fault != nil {
		return nil, fault
	}
	if list.cipher != nil && q.kind != firstPage {
		in.log.Warn("call_recording_cipher is ignored here", "page", kind)
	}
	list.base = r.final
	return list, nil
}

// rules are how answers for c are judged.
func (in *instance) rules(c *course) rules {
	return rules{
		version: in.service.version(), strict: *in.service.Strict,
		secondary: c.secondary, extraCalls: *in.service.ExtraCalls,
	}
}

// finalPage asks the final page of a call that has ended, if there is one.
// Nothing of its list can be done any more; that it fails is only logged.
func (in *instance) finalPage(ctx context.Context, c *course, p Page, base *url.URL) {
	in.know(c)
	if !p.isSet() {
		return
	}
	list, err := in.request(ctx, c, c.verbs.life.Info(), question{kind: finalPage, page: p, base: base})
	if err != nil {
		in.log.Info("final page", "page", finalPage.of(c.secondary), "error", err)
		return
	}
	if list.hasToken {
		in.token = list.token
	}
	in.skip(list, finalPage.of(c.secondary))
}

// skip warns of actions of a call that has ended. Those of a final page that
// need no call are done.
func (in *instance) skip(list *answer, kind pageKind) {
	for i := range list.actions {
		if a, ok := list.actions[i].action.(*deleteFile); ok && (kind == finalPage || kind == secondaryFinalPage) {
			if err := in.remove(a.filename); err != nil {
				in.log.Warn("file not deleted", "page", kind, "filename", a.filename, "error", err)
			}
			continue
		}
		in.log.Warn("action skipped: the call has ended", "page", kind, "action", list.actions[i].name)
	}
}
