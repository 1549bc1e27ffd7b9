// Package fetch gets pictures from addresses that strangers name, without lending
// them this machine's place in its network.
//
// Its few types: Rule is one entry of the list of what may be fetched from; Fetcher
// is made by New from the list, and its Open gives a picture's bytes; Error says why
// there are none, in a sentence for the stranger.
//
// A host has to be on the list, and the address that its name resolves to has to be
// a public one, unless the list has that address itself. The address is looked at
// when the socket is about to be connected, so that no second answer of the name's
// server (DNS rebinding) comes in between. Redirects are not followed, proxies of the
// environment are not used, nothing is unpacked, bytes and time are bounded, and
// what does not begin as a picture is not read.
//
// Caveat: an allowed host learns that this machine asks.
//
//	f, err := fetch.New([]string{"images.example.com"}, fetch.Limits{})
//	body, err := f.Open(ctx, "https://images.example.com/cat.jpg")
package fetch
