// Package attack does to a running server what strangers on a network do: foreign
// hosts and origins, addresses to be fetched, picture bombs, broken and endless
// bodies and forms, odd paths, crowds of slow connections. It says what the server
// made of it.
//
// Its few types: Target is the server; Finding is what became of one attack. Run
// goes through all attacks, in order, and asks between them for a vector that it
// knows, so that harm to honest clients is seen too.
//
// Caveat: it is a load. Run it against a server of your own.
//
//	err := attack.Run(ctx, attack.Target{URL: "http://127.0.0.1:3625"}, func(f attack.Finding) { … })
package attack
