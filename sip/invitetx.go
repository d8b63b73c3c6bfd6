package sip

import (
	"fmt"
	"log/slog"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// inviteTx is the server transaction of an INVITE, initial or within a dialog.
// sipgo's transaction repeats provisional responses and refusals; a 2xx never
// goes through it, because its repetition is the dialog's task and because it
// would keep the INVITE for 32 s. After the end of either kind, copies of the
// INVITE are recognised by UA.seen.
type inviteTx struct {
	ua    *UA
	in    *incoming
	tx    *sipgo.ServerTx
	conn  *txConn
	toTag string

	// mu orders the responses, so it is held while one is written: without it
	// a late 180 could take the place of the final response in sipgo's
	// transaction and be repeated for it. Nothing else is locked under it.
	mu    sync.Mutex
	final int // 0 = none yet
}

// newInviteTx makes the transaction and enters it, so that copies of the
// INVITE find it. over, if not nil, is called at its end. false: the UA is
// closing.
func (u *UA) newInviteTx(in *incoming, toTag string, over func()) (*inviteTx, bool) {
	t := &inviteTx{ua: u, in: in, toTag: toTag, conn: &txConn{flow: in.back, kind: resentResponse}}
	in.req.SetTransport(in.back.transport())
	t.tx = sipgo.NewServerTx(in.key, in.req, t.conn, slog.New(slog.DiscardHandler))
	if !u.txs.addServer(in.key, t) {
		return nil, false
	}
	t.tx.OnTerminate(func(string, error) {
		u.txs.removeServer(in.key, t)
		if over != nil {
			over()
		}
	})
	if err := t.tx.Init(); err != nil {
		t.end()
		return nil, false
	}
	return t, true
}

// respond sends a provisional response or a refusal. ErrState after a final
// response.
func (t *inviteTx) respond(res *sipgo.Response) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.final != 0 {
		return ErrState
	}
	if res.StatusCode >= 200 {
		t.final = res.StatusCode
		t.ua.remember(t.in, seenInvite{key: t.in.key, code: res.StatusCode, reason: res.Reason, toTag: t.toTag})
	}
	if err := t.tx.Respond(res); err != nil {
		return fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return nil
}

// accept ends the transaction and sends a 2xx: in this order, for a copy of the
// INVITE that comes in between would have the transaction send its 100 behind it.
func (t *inviteTx) accept(res *sipgo.Response) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.final != 0 {
		return ErrState
	}
	t.final = res.StatusCode
	t.ua.remember(t.in, seenInvite{key: t.in.key, code: res.StatusCode, toTag: t.toTag})
	t.end()
	return t.in.back.send(res)
}

// end terminates sipgo's transaction.
func (t *inviteTx) end() {
	t.conn.shutDown()
	t.tx.Terminate()
}

// response builds a response of this transaction.
func (t *inviteTx) response(code int, reason string, h ...Header) *sipgo.Response {
	return t.ua.response(t.in.req, code, reason, t.toTag, h...)
}

// repeated is a copy of the INVITE: the last response is sent again.
func (t *inviteTx) repeated(req *sipgo.Request) {
	t.ua.m.resend(resentIn)
	_ = t.tx.Receive(req) // a copy cannot be unexpected
}

// acknowledged is an ACK that bears the INVITE's branch; it says whether the
// ACK is for a refusal, whose transaction it ends.
func (t *inviteTx) acknowledged() bool {
	t.mu.Lock()
	refused := t.final >= 300
	t.mu.Unlock()
	if refused {
		t.end()
	}
	return refused
}

// seenInvite is what is kept of an INVITE beyond its transaction.
type seenInvite struct {
	key    string // transaction
	code   int    // final response; 0 = none yet
	reason string
	toTag  string
}

// remember updates what is known of an INVITE.
func (u *UA) remember(in *incoming, s seenInvite) { u.seen.put(in.inviteID(), s) }

// transactions are the live transactions by key.
type transactions struct {
	mu     sync.Mutex
	server map[string]*inviteTx
	client map[string]*clientTx
	down   bool
}

func newTransactions() *transactions {
	return &transactions{server: make(map[string]*inviteTx), client: make(map[string]*clientTx)}
}

func (t *transactions) addServer(key string, tx *inviteTx) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return false
	}
	t.server[key] = tx
	return true
}

func (t *transactions) findServer(key string) *inviteTx {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.server[key]
}

func (t *transactions) removeServer(key string, tx *inviteTx) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.server[key] == tx {
		delete(t.server, key)
	}
}

func (t *transactions) addClient(key string, tx *clientTx) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return false
	}
	t.client[key] = tx
	return true
}

func (t *transactions) findClient(key string) *clientTx {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client[key]
}

func (t *transactions) removeClient(key string, tx *clientTx) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.client[key] == tx {
		delete(t.client, key)
	}
}

// close ends all transactions and refuses new ones.
func (t *transactions) close() {
	t.mu.Lock()
	t.down = true
	var end []func()
	for _, tx := range t.server {
		end = append(end, tx.end)
	}
	for _, tx := range t.client {
		end = append(end, tx.tx.Terminate)
	}
	t.mu.Unlock()
	for _, f := range end {
		f()
	}
}
