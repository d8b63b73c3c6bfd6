package prefetch

import "unsafe"

// Value fetches all of *p.
func Value[T any](p *T) { lines(unsafe.Pointer(p), unsafe.Sizeof(*p)) }

// First fetches the first size bytes of *p, or all of it.
func First[T any](p *T, size uintptr) {
	lines(unsafe.Pointer(p), min(size, unsafe.Sizeof(*p)))
}

// Part fetches the bytes of *p from offset from to offset to; the offsets are
// those of package unsafe. It takes no addresses of fields: for those the compiler
// looks at *p first, which waits for the memory, and nil fails.
func Part[T any](p *T, from, to uintptr) {
	lines(unsafe.Add(unsafe.Pointer(p), from), to-from)
}

// Slice fetches the elements of s.
func Slice[T any](s []T) {
	lines(unsafe.Pointer(unsafe.SliceData(s)), uintptr(len(s))*unsafe.Sizeof(*new(T)))
}
