package sip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// UA is a SIP user agent: its listeners, transactions and dialogs.
type UA struct {
	cfg     Config
	m       *Metrics
	quiet   *quietLog
	parser  *sipgo.Parser
	buffers bufferPool
	secret  [16]byte // of stateless tags
	guard   *gate
	phones  *phones

	own     owner
	boxes   *mailboxes // by Call-ID
	replies *mailboxes // by client transaction
	txs     *transactions
	dialogs *dialogTable
	seen    *memory[inviteID, seenInvite] // INVITEs of the far end
	ours    *memory[dialogID, struct{}]   // INVITEs of ours that are over
	served  *memory[string, []byte]       // responses within dialogs, by server transaction

	ways
	life
}

// life is how far a UA has come.
type life struct {
	drain   atomic.Int64 // Retry-After of a draining UA [ns]; 0 = not draining
	handler Handler
	base    func() (context.Context, context.CancelCauseFunc) // of a new dialog

	mu       sync.Mutex
	serving  bool
	started  chan struct{} // closed when Serve has begun
	stop     chan struct{} // closed by Close
	stopOnce sync.Once
	stopped  chan struct{} // closed when Serve has returned
}

// New makes a user agent. It opens nothing and starts nothing.
func New(cfg Config) (*UA, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	u := &UA{
		cfg: cfg, m: cfg.Metrics, quiet: newQuietLog(cfg.Logger, time.Now),
		phones: newPhones(cfg.Registrar, time.Now),
		parser: newParser(), txs: newTransactions(),
		dialogs: newDialogTable(cfg.Metrics, cfg.MaxDialogs),
	}
	u.phones.set(cfg.Access.Phones)
	u.guard = newGate(cfg, u.m, u.quiet, time.Now)
	cfg.Metrics.watchContacts(u.phones.registrar.count)
	u.ways = newWays(cfg)
	_, _ = rand.Read(u.secret[:]) // never fails
	u.started, u.stop, u.stopped = make(chan struct{}), make(chan struct{}), make(chan struct{})
	u.boxes = newMailboxes(u.own.run, u.try)
	u.replies = newMailboxes(u.own.run, u.try)
	keep := cfg.Timers.transaction()
	u.seen = newMemory[inviteID, seenInvite](keep, memoryPerDialog*cfg.MaxDialogs, time.Now)
	u.ours = newMemory[dialogID, struct{}](keep, memoryPerDialog*cfg.MaxDialogs, time.Now)
	u.served = newServed(keep, cfg.MaxDialogs)
	return u, nil
}

// memoryPerDialog is how many finished transactions are remembered for each
// dialog that may live.
const memoryPerDialog = 8

// transaction is how long a transaction lasts at most, 64*T1.
func (t Timers) transaction() time.Duration { return 64 * t.T1 }

// Serve reads from the listeners and runs h for each incoming call until ctx
// ends or Close is called, then hangs up all dialogs, waits for all goroutines
// and returns nil. An error is that of a listener that failed. Handlers must
// return when their context ends.
func (u *UA) Serve(ctx context.Context, h Handler) error {
	u.mu.Lock()
	select {
	case <-u.stop:
		u.mu.Unlock()
		return ErrClosed
	default:
	}
	if u.serving {
		u.mu.Unlock()
		return errors.New("sip: Serve called twice")
	}
	u.serving = true
	u.handler = h
	u.base = func() (context.Context, context.CancelCauseFunc) { return context.WithCancelCause(ctx) }
	u.mu.Unlock()
	defer close(u.stopped)

	failed := make(chan error, len(u.udp)+len(u.streams.listeners))
	read := func(f func() error) {
		u.own.run(func() {
			if err := f(); err != nil {
				failed <- err
			}
		})
	}
	for _, s := range u.udp {
		read(func() error { return u.serveUDP(s) })
	}
	for _, l := range u.streams.listeners {
		read(func() error { return u.serveListener(l) })
	}
	if u.cfg.KeepAlive > 0 {
		u.own.run(func() { u.keepAlive(ctx) })
	}
	u.own.run(func() { u.every(ctx, func() time.Duration { return sweepEvery }, u.sweep) })
	close(u.started)
	var err error
	select {
	case <-ctx.Done():
	case <-u.stop:
	case err = <-failed:
		err = fmt.Errorf("sip: %w", err)
	}
	u.shutdown()
	return err
}

// farewellTime is how long the end waits for responses to the last BYEs.
const farewellTime = 2 * time.Second

// shutdown ends everything and waits for it.
func (u *UA) shutdown() {
	u.Drain(u.cfg.RetryAfter)
	ctx, done := context.WithTimeout(context.Background(), farewellTime)
	defer done()
	for _, d := range u.dialogs.list() {
		u.own.run(func() { _ = d.Bye(ctx) }) // nobody to tell
	}
	for _, d := range u.dialogs.list() {
		select {
		case <-d.gone:
		case <-ctx.Done():
		}
	}
	u.own.close()
	u.closeListeners()
	u.streams.closeConns()
	u.txs.close()
	for _, d := range u.dialogs.list() {
		d.end(ErrClosed)
		d.remove()
	}
	u.own.wait()
}

// Close ends Serve and waits for it.
func (u *UA) Close() error {
	u.stopOnce.Do(func() { close(u.stop) })
	u.mu.Lock()
	serving := u.serving
	u.mu.Unlock()
	if serving {
		<-u.stopped
		return nil
	}
	u.own.close()
	u.closeListeners()
	u.streams.closeConns()
	u.txs.close()
	u.own.wait()
	return nil
}

// awaitServe waits until Serve reads: without it there are no responses.
func (u *UA) awaitServe(ctx context.Context) error {
	select {
	case <-u.stop:
		return ErrClosed
	default:
	}
	select {
	case <-u.started:
		return nil
	case <-u.stop:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Drain makes new INVITEs be refused with 503 and Retry-After, OPTIONS as
// well; existing dialogs go on.
func (u *UA) Drain(retryAfter time.Duration) { u.drain.Store(int64(max(retryAfter, time.Second))) }

func (u *UA) draining() time.Duration { return time.Duration(u.drain.Load()) }

// Active is the number of dialogs.
func (u *UA) Active() int { return u.dialogs.len() }
