package prefetch

import "unsafe"

// Value fetches all of *p.
func Value[T any](p *T) { lines(unsafe.Pointer(p), unsafe.Sizeof(*p)) }

// First fetches the first size bytes of *p, or all of it.
func First[T any](p *T, size uintptr) {
	lines(unsafe.Pointer(p), min(size, unsafe.Sizeof(*p)))
}

// Span fetches what lies from the beginning of *first to the end of *last, both
// in one struct or array that is near: see Part.
func Span[A, B any](first *A, last *B) {
	lines(unsafe.Pointer(first), uintptr(unsafe.Pointer(last))+unsafe.Sizeof(*last)-uintptr(unsafe.Pointer(first)))
}

// Part fetches the bytes of *p from offset from to offset to. Where p may not be
// near, take it in place of Span: the compiler looks at *p before it gives the
// address of a field, which waits for the memory, and nil fails. Offsets are
// those of package unsafe.
func Part[T any](p *T, from, to uintptr) {
	lines(unsafe.Add(unsafe.Pointer(p), from), to-from)
}

// Slice fetches the elements of s.
func Slice[T any](s []T) {
	lines(unsafe.Pointer(unsafe.SliceData(s)), uintptr(len(s))*unsafe.Sizeof(*new(T)))
}
