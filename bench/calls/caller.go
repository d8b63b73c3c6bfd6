package calls

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"mediaserver/bench/generator"
	"mediaserver/bench/tone"
)

const (
	look      = time.Millisecond
	firstWait = 500 * time.Millisecond // until a request is repeated: T1, RFC 3261 §17.1.1.1
	longest   = 4 * time.Second        // T2
	patience  = 10 * time.Second       // for a final response
	roomSize  = 4                      // calls that meet
	talkers   = 3                      // of them talk
)

// state is where a call stands.
type state int

const (
	calling state = iota
	ringing
	up
	leaving
	over
)

// call is one call.
type call struct {
	number  int
	uri     string // what is called
	to      string // To with the tag, once known
	target  string // Contact of the server
	state   state
	sent    time.Time // the INVITE, or the BYE
	again   time.Time // when it is repeated
	wait    time.Duration
	until   time.Time // when it hangs up
	request string
}

// tally is what was counted.
type tally struct {
	placed, answered, failed, done int
	causes                         map[string]int
	setUp                          []time.Duration
	repeatedINVITE, repeatedBYE    int
	repeatedOK                     int // 200 that came again: its ACK was late or lost
	dropped                        int // calls the server hung up
	most                           int // up at once
	upTime                         time.Duration
}

// caller places calls. It is of one goroutine.
type caller struct {
	socket   *socket
	party    party
	gen      *generator.Generator
	capacity int // numbers of participants, used again
	uri      func(number int) string
	calls    map[int]*call
	next     int // number of the next call
	up       int
	looked   time.Time
	tally    tally
}

func newCaller(server string, gen *generator.Generator, capacity int, uri func(int) string) (*caller, error) {
	to, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil, err
	}
	s, err := openSocket(to)
	if err != nil {
		return nil, err
	}
	c := &caller{
		socket: s, party: party{s.own.String(), server}, gen: gen, capacity: capacity, uri: uri,
		calls: map[int]*call{}, looked: time.Now(),
	}
	c.reset()
	return c, nil
}

// reset counts anew.
func (c *caller) reset() { c.tally = tally{causes: map[string]int{}} }

// place places calls at a rate until there are so many; each hangs up after
// hold, 0 = never. It returns when all are up or over.
func (c *caller) place(ctx context.Context, count, rate int, hold time.Duration) error {
	begin, first := time.Now(), c.next
	pending := func() bool { return c.tally.answered+c.tally.failed < c.tally.placed }
	for ctx.Err() == nil && (c.next-first < count || pending()) {
		due := min(count, int(time.Since(begin).Seconds()*float64(rate))+1)
		for c.next-first < due {
			if err := c.invite(hold); err != nil {
				return err
			}
		}
		if err := c.look(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// idle looks after the calls for a while.
func (c *caller) idle(ctx context.Context, d time.Duration) error {
	for until := time.Now().Add(d); ctx.Err() == nil && time.Now().Before(until); {
		if err := c.look(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// finish waits until all calls are over; with hangUp they are ended now, at a
// rate.
func (c *caller) finish(ctx context.Context, hangUp bool, rate int) error {
	if hangUp {
		i := 0
		for _, x := range c.calls {
			x.until = time.Now().Add(time.Duration(i) * time.Second / time.Duration(rate))
			i++
		}
	}
	for ctx.Err() == nil && len(c.calls) > 0 {
		if err := c.look(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// look does what is due, and sleeps until the next look.
func (c *caller) look() error {
	now := time.Now()
	c.tally.upTime += time.Duration(c.up) * now.Sub(c.looked)
	c.looked = now
	for data := c.socket.receive(); data != ""; data = c.socket.receive() {
		if err := c.take(data); err != nil {
			return err
		}
	}
	for _, x := range c.calls {
		if err := c.due(x, now); err != nil {
			return err
		}
	}
	time.Sleep(look)
	return nil
}

// invite begins the next call.
func (c *caller) invite(hold time.Duration) error {
	x := &call{number: c.next, uri: c.uri(c.next)}
	c.next++
	c.calls[x.number] = x
	c.tally.placed++
	if hold > 0 {
		x.until = time.Now().Add(hold)
	}
	x.request = c.party.invite(x, c.gen.Address(x.number%c.capacity))
	return c.request(x)
}

// request sends the request of a call, which is repeated until answered.
func (c *caller) request(x *call) error {
	x.sent, x.wait = time.Now(), firstWait
	x.again = x.sent.Add(x.wait)
	return c.socket.send(x.request)
}

// due repeats requests, gives up, and hangs up.
func (c *caller) due(x *call, now time.Time) error {
	switch x.state {
	case calling, leaving:
		if now.Sub(x.sent) > patience {
			c.fail(x, "no answer")
			return nil
		}
		if now.Before(x.again) {
			return nil
		}
		if x.state == calling {
			c.tally.repeatedINVITE++
		} else {
			c.tally.repeatedBYE++
		}
		x.wait = min(2*x.wait, longest)
		x.again = now.Add(x.wait)
		return c.socket.send(x.request)
	case ringing:
		if now.Sub(x.sent) > patience {
			c.fail(x, "no final answer")
		}
	case up:
		if !x.until.IsZero() && now.After(x.until) {
			c.down(x, leaving)
			x.request = c.party.bye(x)
			return c.request(x)
		}
	}
	return nil
}

// down ends the media of a call.
func (c *caller) down(x *call, s state) {
	if x.state == up {
		c.up--
		c.gen.Remove(x.number % c.capacity)
	}
	x.state = s
}

// fail ends a call that went wrong.
func (c *caller) fail(x *call, cause string) {
	c.down(x, over)
	c.tally.failed++
	c.tally.causes[cause]++
	delete(c.calls, x.number)
}

// take handles a message.
func (c *caller) take(data string) error {
	m, ok := parse(data)
	if !ok {
		return nil
	}
	x := c.calls[m.call]
	switch {
	case m.code == 0:
		return c.asked(m, x)
	case x == nil:
		return nil // of a call that is over
	case m.method == "INVITE":
		return c.invited(m, x)
	case m.method == "BYE" && m.code >= 200 && x.state == leaving:
		x.state = over
		c.tally.done++
		delete(c.calls, x.number)
	}
	return nil
}

// asked answers a request of the server.
func (c *caller) asked(m message, x *call) error {
	if m.method == "ACK" {
		return nil
	}
	if m.method == "BYE" && x != nil {
		c.tally.dropped++
		c.fail(x, "hung up by the server")
	}
	return c.socket.send(m.reply())
}

// invited handles a response to an INVITE.
func (c *caller) invited(m message, x *call) error {
	switch {
	case m.code < 200:
		if x.state == calling {
			x.state = ringing
		}
		return nil
	case m.code >= 300:
		x.to = m.to
		err := c.socket.send(c.party.ack(x, true))
		if x.state == calling || x.state == ringing {
			c.fail(x, fmt.Sprint("refused with ", m.code))
		}
		return err
	case x.state != calling && x.state != ringing:
		c.tally.repeatedOK++
		return c.socket.send(c.party.ack(x, false))
	}
	x.to, x.target, x.state = m.to, m.contact, up
	if err := c.socket.send(c.party.ack(x, false)); err != nil {
		return err
	}
	c.tally.answered++
	c.tally.setUp = append(c.tally.setUp, time.Since(x.sent))
	c.up++
	c.tally.most = max(c.tally.most, c.up)
	p := generator.Participant{To: m.media}
	if place := x.number % roomSize; place < talkers {
		p.Role, p.Bin = generator.Talker, tone.Bin(place)
	}
	c.gen.Add(x.number%c.capacity, p)
	return nil
}
