// Package indextest checks that a store behaves as package index promises: ids
// and replacement, hidden documents, exact order with ties by ordinal, results
// per item, and what a restart keeps.
//
// Store is the interface under test; Run is the kit; Model is a plain map that
// answers as a store must. Ordinals are the store's own, so the kit compares
// them only with each other.
//
//	func TestKit(t *testing.T) { indextest.Run(t, openMyStore) }
package indextest
