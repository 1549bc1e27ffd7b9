package batch

import (
	"container/list"
	"time"
)

const (
	faultsKept = 256              // inputs at fault that are remembered
	faultAge   = 10 * time.Minute // and how long, since a fault may be the machine's
)

// memory keeps the most recently used values by key.
type memory[V any] struct {
	most  int
	age   time.Duration // after which a value is forgotten; 0 never
	order list.List     // of entry[V], the most recent first
	at    map[Key]*list.Element
}

type entry[V any] struct {
	key   Key
	value V
	since time.Time
}

func newMemory[V any](most int, age time.Duration) *memory[V] {
	return &memory[V]{most: most, age: age, at: map[Key]*list.Element{}}
}

func (m *memory[V]) get(k Key) (value V, ok bool) {
	e := m.at[k]
	if e == nil {
		return value, false
	}
	if en := e.Value.(entry[V]); m.age > 0 && time.Since(en.since) > m.age {
		m.remove(e)
		return value, false
	}
	m.order.MoveToFront(e)
	return e.Value.(entry[V]).value, true
}

func (m *memory[V]) has(k Key) bool {
	_, ok := m.get(k)
	return ok
}

func (m *memory[V]) put(k Key, v V) {
	if m.most <= 0 {
		return
	}
	if e := m.at[k]; e != nil {
		m.remove(e)
	}
	m.at[k] = m.order.PushFront(entry[V]{k, v, time.Now()})
	if m.order.Len() > m.most {
		m.remove(m.order.Back())
	}
}

func (m *memory[V]) remove(e *list.Element) {
	m.order.Remove(e)
	delete(m.at, e.Value.(entry[V]).key)
}
