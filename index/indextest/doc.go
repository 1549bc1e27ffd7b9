// Package indextest checks that a store behaves as package index promises: ids
// and replacement, hidden documents, exact order with ties by ordinal, filters,
// results per item, what a restart keeps and what a power cut keeps.
//
// Store is the small interface under test and Place where a store lives while it
// is closed; Run is the kit of single checks; History compares a store with
// Model, a plain map, through a random history that one number decides, and makes
// a history that fails short. A Place that is a Crasher has power cuts in its
// histories.
//
// Caveat: ordinals are the store's own, so the kit compares them only with each
// other, and scores have a tolerance but in the kit's space of whole numbers,
// where they and the order of near-ties have to be exact.
//
//	func TestKit(t *testing.T) { indextest.Run(t, openMyStore) }
//
//	func TestHistory(t *testing.T) {
//		indextest.History{Seed: 1, Steps: 20_000}.Run(t, newPlace)
//	}
package indextest
