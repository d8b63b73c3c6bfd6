package mixer

import "sync/atomic"

// command is a change that a slot makes at the start of a frame.
type command interface {
	apply(s *slot, frame int64)
}

// node links a command into a queue. It is embedded in every command, so that
// queueing needs no memory.
type node struct {
	next *node
	cmd  command
}

// queue hands commands from any goroutine to the worker of a slot, in the
// order of their pushes, without a lock.
type queue struct {
	head atomic.Pointer[node] // the last pushed
}

func (q *queue) push(n *node) {
	for {
		head := q.head.Load()
		n.next = head
		if q.head.CompareAndSwap(head, n) {
			return
		}
	}
}

func (q *queue) empty() bool { return q.head.Load() == nil }

// takeAll empties the queue and returns the first pushed.
func (q *queue) takeAll() *node {
	if q.empty() {
		return nil
	}
	var first *node
	for n := q.head.Swap(nil); n != nil; {
		next := n.next
		n.next = first
		first, n = n, next
	}
	return first
}

// event is something the worker tells after the slot's sends. It is embedded
// in what it tells of, so that telling needs no memory. An event must not be
// told again before it was delivered.
type event struct {
	next *event
	what interface{ deliver() }
}

// events are told in order.
type events struct{ first, last *event }

func (l *events) add(e *event) {
	e.next = nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
}

func (l *events) deliver() {
	e := l.first
	l.first, l.last = nil, nil
	for e != nil {
		next := e.next // e may be told anew by what it wakes
		e.what.deliver()
		e = next
	}
}

// closing is a channel that an event closes.
type closing struct {
	event
	done chan struct{}
}

func newClosing() *closing {
	c := &closing{done: make(chan struct{})}
	c.what = c
	return c
}

func (c *closing) deliver() { close(c.done) }
