package cache

import "container/list"

// index knows what is kept, how large it is and in which order it was used.
type index[T any] struct {
	limit int64 // of the sum of sizes
	size  int64
	order list.List // of *item[T]; front: used last
	items map[string]*list.Element
}

type item[T any] struct {
	key   string
	size  int64
	value T
}

// newIndex makes an empty index.
func newIndex[T any](limit int64) *index[T] {
	return &index[T]{limit: limit, items: map[string]*list.Element{}}
}

// get finds a value and makes it the one used last.
func (x *index[T]) get(key string) (v T, ok bool) {
	e, ok := x.items[key]
	if !ok {
		return v, false
	}
	x.order.MoveToFront(e)
	return e.Value.(*item[T]).value, true
}

// put adds a value and returns the keys of those that had to go for it. One
// larger than the limit is not added, and is among them.
func (x *index[T]) put(key string, size int64, v T) (gone []string) {
	x.remove(key)
	x.items[key] = x.order.PushFront(&item[T]{key, size, v})
	x.size += size
	for x.size > x.limit {
		old := x.order.Back().Value.(*item[T]).key
		x.remove(old)
		gone = append(gone, old)
	}
	return gone
}

// remove takes a value out.
func (x *index[T]) remove(key string) {
	e, ok := x.items[key]
	if !ok {
		return
	}
	x.size -= e.Value.(*item[T]).size
	x.order.Remove(e)
	delete(x.items, key)
}
