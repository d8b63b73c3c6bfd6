package call

import (
	"context"

	"mediaserver/sip"
)

// replace has an INVITE with Replaces (RFC 3891) take the place of the far end
// of a call: its room, its action and its recording go on.
func (m *Manager) replace(ctx context.Context, d Dialog, old *sip.Dialog) {
	inv := d.Invitation()
	reject := func(code int) {
		m.metrics.transfers.WithLabelValues(transferByReplaces, transferRefused).Inc()
		if err := d.Reject(code, ""); err != nil {
			m.cfg.Logger.Debug("reject", "error", err)
		}
	}
	c := m.callOf(old)
	if c == nil {
		reject(codeNoDialog)
		return
	}
	if !m.mayReplace(c, inv, old.Invitation()) {
		reject(codeForbidden)
		return
	}
	x := c.newcomer(d)
	x.security, x.keying = m.inboundSecurity(d, inboundInfo(inv)), m.inboundKeying(inboundInfo(inv))
	var code int
	if x.offer, code = m.offered(d, x.security, x.keying); code != 0 {
		reject(code)
		return
	}
	was, err := x.answerFor(ctx, c, party(inv.From))
	if err != nil {
		c.logger().Info("transfer failed", "to", party(inv.From), "error", err)
		m.metrics.transfers.WithLabelValues(transferByReplaces, transferFailed).Inc()
		x.discard()
		return
	}
	m.metrics.transfers.WithLabelValues(transferByReplaces, transferDone).Inc()
	was.leave()
}

// mayReplace says who may take the place of a far end: itself, from another
// device; a phone of ours, which can know the dialog from a REFER of the far
// end only; anybody where the far end may transfer to anybody. RFC 3891 §4.
func (m *Manager) mayReplace(c *Call, inv, old sip.Invitation) bool {
	switch m.transferPolicy(c.farEndOf(c.far())) {
	case TransferOff:
		return false
	case TransferAny:
		return true
	default:
		return inv.Login != "" || sameSource(inv, old)
	}
}

// answerFor answers x, an INVITE that nobody has answered, and has c go on
// with it. The error leaves x to be discarded.
func (c *Call) answerFor(ctx context.Context, to *Call, party string) (*departed, error) {
	body, err := c.localDescription()
	if err == nil {
		err = c.dialog.Answer(body)
	}
	if err != nil {
		_ = c.dialog.Reject(unableCode(err), "") // it may have ended
		return nil, err
	}
	return to.takeOver(ctx, c, party, transferByReplaces)
}
