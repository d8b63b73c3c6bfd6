package sip

import "sync"

// mailboxLimit is how many messages of one call may wait.
const mailboxLimit = 64

// mailboxes run the functions posted under one key in order, one at a time;
// different keys run beside each other. A key with nothing to do costs nothing.
type mailboxes struct {
	run func(func()) bool // starts a goroutine
	try func(func())      // calls a function and survives its panic

	mu    sync.Mutex
	boxes map[string]*mailbox
}

type mailbox struct {
	queue []func()
	last  func() // what the goroutine does when the box is empty and gone; nil: nothing
}

func newMailboxes(run func(func()) bool, try func(func())) *mailboxes {
	return &mailboxes{run: run, try: try, boxes: make(map[string]*mailbox)}
}

// post queues f. It never waits; false means that too much is waiting under
// the key, or that the end has come.
func (m *mailboxes) post(key string, f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if box, ok := m.boxes[key]; ok {
		if len(box.queue) >= mailboxLimit {
			return false
		}
		box.queue = append(box.queue, f)
		return true
	}
	box := &mailbox{queue: []func(){f}}
	if !m.run(func() { m.work(key, box) }) {
		return false
	}
	m.boxes[key] = box
	return true
}

// follow is called by a function that was posted under the key: f follows it, in
// its goroutine where that is free, and outside the order. false means that the
// end has come.
func (m *mailboxes) follow(key string, f func()) bool {
	m.mu.Lock()
	box := m.boxes[key]
	ours := box.last == nil
	if ours {
		box.last = f
	}
	m.mu.Unlock()
	return ours || m.run(f)
}

// work runs what is queued in box and what is added meanwhile.
func (m *mailboxes) work(key string, box *mailbox) {
	for {
		m.mu.Lock()
		if len(box.queue) == 0 {
			delete(m.boxes, key)
			m.mu.Unlock()
			if box.last != nil {
				box.last()
			}
			return
		}
		f := box.queue[0]
		box.queue[0] = nil
		box.queue = box.queue[1:]
		m.mu.Unlock()
		m.try(f)
	}
}
