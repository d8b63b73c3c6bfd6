package websocket

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"mediaserver/call"
	"mediaserver/dtmf"
	"mediaserver/rtp"
)

// maxTexts is how many text messages wait for the connection.
const maxTexts = 32

// Conn is a call to a WebSocket: a call.Stream.
type Conn struct {
	cfg   Config
	ws    *websocket.Conn
	digit func(dtmf.Digit)

	in   heard
	out  said
	lost atomic.Int64 // frames of ours that found out full

	texts    chan []byte
	answered chan struct{} // closed by the answer
	ended    chan struct{} // closed when the connection is of no use any more
	answer   sync.Once
	end      sync.Once
	bye      sync.Once
	cancel   context.CancelFunc // ends the goroutines
	tasks    sync.WaitGroup
}

func newConn(cfg Config, ws *websocket.Conn, digit func(dtmf.Digit)) *Conn {
	return &Conn{
		cfg: cfg, ws: ws, digit: digit,
		texts:    make(chan []byte, maxTexts),
		answered: make(chan struct{}), ended: make(chan struct{}),
		cancel: func() {},
	}
}

// start says who calls and begins to read and write.
func (c *Conn) start(callID string) error {
	ctx, cancel := context.WithCancel(context.Background()) // ended by HangUp
	c.cancel = cancel
	c.cfg.Metrics.active.Inc()
	if err := c.write(ctx, websocket.MessageText, startMessage(callID)); err != nil {
		return err
	}
	c.tasks.Go(func() { defer c.over(); c.read(ctx) })
	c.tasks.Go(func() { defer c.over(); c.speak(ctx) })
	c.tasks.Go(func() { defer c.over(); c.watch(ctx) })
	return nil
}

// over notes that the connection is of no use any more.
func (c *Conn) over() { c.end.Do(func() { close(c.ended) }) }

func (c *Conn) write(ctx context.Context, kind websocket.MessageType, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, kind, data)
}

// read takes what the far end says until it hangs up or is lost.
func (c *Conn) read(ctx context.Context) {
	for {
		kind, data, err := c.ws.Read(ctx)
		if err != nil {
			c.cfg.Logger.Debug("websocket ended", "error", err)
			return
		}
		if kind == websocket.MessageBinary {
			if dropped := c.in.add(data, time.Now()); dropped > 0 {
				c.cfg.Metrics.dropped.WithLabelValues(dirIn).Add(float64(dropped))
			}
			c.isAnswered()
			continue
		}
		switch m := parseMessage(data); m.kind {
		case typeAnswer:
			c.isAnswered()
		case typeDigit:
			c.digit(m.digit)
		case typeHangUp:
			return
		}
	}
}

func (c *Conn) isAnswered() { c.answer.Do(func() { close(c.answered) }) }

// speak sends frames as they come, and text messages.
func (c *Conn) speak(ctx context.Context) {
	tick := time.NewTicker(frameTime / 2)
	defer tick.Stop()
	var buf [frameBytes]byte
	for {
		var err error
		select {
		case <-tick.C:
			err = c.speakFrames(ctx, buf[:])
		case text := <-c.texts:
			err = c.write(ctx, websocket.MessageText, text)
		case <-c.ended:
			return
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (c *Conn) speakFrames(ctx context.Context, buf []byte) error {
	if dropped := int64(c.out.catchUp()) + c.lost.Swap(0); dropped > 0 {
		c.cfg.Metrics.dropped.WithLabelValues(dirOut).Add(float64(dropped))
	}
	for c.out.pop(buf) {
		if err := c.write(ctx, websocket.MessageBinary, buf); err != nil {
			return err
		}
	}
	return nil
}

// watch notices a far end that is gone without a word.
func (c *Conn) watch(ctx context.Context) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.ended:
			return
		case <-ctx.Done():
			return
		}
		ping, cancel := context.WithTimeout(ctx, pingTimeout)
		err := c.ws.Ping(ping)
		cancel()
		if err != nil {
			return
		}
	}
}

// Drain takes the next frame of the far end, as an RTP packet.
func (c *Conn) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	n, at := c.in.next(buf)
	return n, call.StreamPeer(), at, nil
}

// Flush takes a frame for the far end out of an RTP packet.
func (c *Conn) Flush(packet []byte, _ netip.AddrPort) error {
	if len(packet) <= rtpHeader || !c.out.push(packet[rtpHeader:]) {
		c.lost.Add(1)
		return rtp.ErrBusy
	}
	return nil
}

// SendDigit sends a digit; without room for it, it is lost.
func (c *Conn) SendDigit(d dtmf.Digit) {
	select {
	case c.texts <- digitMessage(d):
	default:
	}
}

// Ended is closed when the far end has hung up or was lost.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// HangUp ends the call and returns when nothing works for it any more.
func (c *Conn) HangUp() {
	c.hangUp(func() error { return c.ws.Close(websocket.StatusNormalClosure, "") })
}

// giveUp is HangUp of a call that was not answered. It does not wait for the closing
// handshake: the far end may not even read, and who dials has others to see to.
func (c *Conn) giveUp() { c.hangUp(c.ws.CloseNow) }

func (c *Conn) hangUp(closing func() error) {
	c.bye.Do(func() {
		select {
		case <-c.ended:
		default:
			_ = c.write(context.Background(), websocket.MessageText, hangUpMessage()) // it may be gone
		}
		c.over()
		_ = closing() // as above
		c.cancel()
		c.tasks.Wait()
		_ = c.ws.CloseNow() // frees what Close has left
		c.cfg.Metrics.active.Dec()
	})
}
