//go:build !linux

package inject

// Injector does not exist here.
type Injector struct{}

// Open fails.
func Open(int) (*Injector, error) { return nil, ErrUnavailable }

// Record is nothing.
func (i *Injector) Record(int) []byte { return nil }

// Send fails.
func (i *Injector) Send(int, int, int) (int, error) { return 0, ErrUnavailable }

// Close does nothing.
func (i *Injector) Close() error { return nil }
