// Package mersenne is the random number generator of torch on a processor, so that
// a seed means here what it means there.
//
// A [Source] is the Mersenne Twister (Matsumoto and Nishimura, 1998: MT19937),
// seeded with one number as torch.manual_seed does.
//
// Caveat: it is no source of secrets.
//
//	order := mersenne.New(42).Uniform(196) // torch.manual_seed(42); torch.rand(196)
//	noise := mersenne.New(42).Normal(4096) // torch.manual_seed(42); torch.randn(4096)
package mersenne
