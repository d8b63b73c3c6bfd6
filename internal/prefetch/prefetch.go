package prefetch

import "unsafe"

// Value fetches all of *p.
func Value[T any](p *T) { lines(unsafe.Pointer(p), unsafe.Sizeof(*p)) }

// First fetches the first size bytes of *p, or all of it.
func First[T any](p *T, size uintptr) {
	lines(unsafe.Pointer(p), min(size, unsafe.Sizeof(*p)))
}

// Span fetches what lies from the beginning of *first to the end of *last, both
// in one struct or array.
func Span[A, B any](first *A, last *B) {
	lines(unsafe.Pointer(first), uintptr(unsafe.Pointer(last))+unsafe.Sizeof(*last)-uintptr(unsafe.Pointer(first)))
}

// Slice fetches the elements of s.
func Slice[T any](s []T) {
	lines(unsafe.Pointer(unsafe.SliceData(s)), uintptr(len(s))*unsafe.Sizeof(*new(T)))
}
