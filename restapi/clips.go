package restapi

import "container/list"

// clipCache keeps clips up to a number of bytes and forgets those that were
// not used for the longest time. The caller does the locking.
type clipCache struct {
	max     int
	bytes   int
	entries map[string]*list.Element // of *clipEntry
	recent  *list.List               // front: used last
}

type clipEntry struct {
	key  string
	clip *storedClip
}

func newClipCache(maxBytes int) clipCache {
	return clipCache{max: maxBytes, entries: make(map[string]*list.Element), recent: list.New()}
}

// get is the clip for a key, or nil.
func (c *clipCache) get(key string) *storedClip {
	e := c.entries[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*clipEntry).clip
}

// put keeps a clip in place of the one of that key.
func (c *clipCache) put(key string, clip *storedClip) {
	c.drop(key)
	if clip.size() > c.max {
		return
	}
	c.entries[key] = c.recent.PushFront(&clipEntry{key, clip})
	c.bytes += clip.size()
	for c.bytes > c.max {
		c.drop(c.recent.Back().Value.(*clipEntry).key)
	}
}

// drop forgets the clip of a key.
func (c *clipCache) drop(key string) {
	e := c.entries[key]
	if e == nil {
		return
	}
	delete(c.entries, key)
	c.bytes -= c.recent.Remove(e).(*clipEntry).clip.size()
}
