// Command load sends requests to a server on this machine and says how many it
// answered, how fast, and what the sending itself took.
//
// It talks to loopback only, whatever name it is given, and for a bounded number of
// requests and a bounded time. What it sends is new each time, so that no cache
// answers for the model: JPEG files get a comment of their own, texts are drawn from
// a list of words.
//
// Caveat: on one machine the generator takes processor time from the server. Its own
// is measured (getrusage); "per_s" counts requests per second of all, "net_per_s"
// per second without the share of the machine that the generator took.
//
//	go run ./tools/load -kind picture -clients 32 -seconds 30 -model clip-vit-b-32
package main
