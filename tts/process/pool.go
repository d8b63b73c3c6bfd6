package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Errors of a Pool.
var (
	ErrClosed = errors.New("process: pool is closed")
	ErrEnded  = errors.New("process: program ended")
)

// PoolConfig says which programs a Pool keeps. Program is required.
type PoolConfig struct {
	Program []string      // name and arguments
	Size    int           // programs at most; 0 means 1
	Idle    time.Duration // unused so long, a program is ended; 0 means 5 minutes
}

// Pool runs programs that answer requests on their standard output and lets
// one request at a time use each. They start when they are needed.
type Pool struct {
	cfg   PoolConfig
	slots chan struct{}
	wg    sync.WaitGroup // programs

	mu     sync.Mutex
	free   []*program // last: used last
	closed bool
}

// program is a running child.
type program struct {
	in   io.WriteCloser
	out  *bufio.Reader
	kill func()
	done chan struct{} // closed when it has ended
	idle *time.Timer   // set while it is free
}

// NewPool makes a pool; it starts nothing.
func NewPool(cfg PoolConfig) *Pool {
	if cfg.Size <= 0 {
		cfg.Size = 1
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 5 * time.Minute
	}
	return &Pool{cfg: cfg, slots: make(chan struct{}, cfg.Size)}
}

// Do has a program serve one request: talk writes it to the program and reads
// the answer to its last byte. When talk fails or ctx ends the program is
// killed; the next request gets a new one. Errors wrap ErrClosed, the cause of
// ctx, or what talk and the start of the program returned.
func (p *Pool) Do(ctx context.Context, talk func(in io.Writer, out *bufio.Reader) error) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-p.slots }()
	g, err := p.take()
	if err == nil && g == nil {
		g, err = p.start()
	}
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, g.kill)
	err = talk(g.in, g.out)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		g.kill()
		<-g.done
		return err
	}
	p.give(g)
	return nil
}

// take returns a free program, or nil if one must be started.
func (p *Pool) take() (*program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	for len(p.free) > 0 {
		g := p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		if g.idle.Stop() && g.running() {
			return g, nil
		}
	}
	p.wg.Add(1) // for the program to be started, before Close can wait
	return nil, nil
}

// give takes a program back.
func (p *Pool) give(g *program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		g.kill()
		return
	}
	g.idle = time.AfterFunc(p.cfg.Idle, g.kill)
	p.free = append(p.free, g)
}

// start starts a program, and the goroutine that awaits its end.
func (p *Pool) start() (*program, error) {
	g, err := p.launch()
	if err != nil {
		p.wg.Done()
	}
	return g, err
}

func (p *Pool) launch() (*program, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := Command(ctx, p.cfg.Program[0], p.cfg.Program[1:]...)
	in, err := c.StdinPipe()
	r, w := io.Pipe()
	c.Stdout = w
	if err == nil {
		err = Start(c)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("process: start: %w", err)
	}
	kill := func() {
		cancel()
		r.CloseWithError(ErrEnded) // whatever it still writes goes nowhere
	}
	g := &program{in: in, out: bufio.NewReaderSize(r, 64<<10), kill: kill, done: make(chan struct{})}
	go func() {
		defer p.wg.Done()
		defer close(g.done)
		// The exit code of a killed program says nothing that talk does not.
		_ = wait(c)
		w.CloseWithError(ErrEnded)
		cancel()
	}()
	return g, nil
}

func (g *program) running() bool {
	select {
	case <-g.done:
		return false
	default:
		return true
	}
}

// Close kills the programs and waits for their ends.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	for _, g := range p.free {
		g.idle.Stop()
		g.kill()
	}
	p.free = nil
	p.mu.Unlock()
	p.wg.Wait()
	return nil
}
