// Package nn has the layers that models are made of: weights that know nothing
// of pictures or words.
//
// [Linear], [LayerNorm], [Attention], [MLP], [Block] and [AttentionPool] carry
// weight tags for package weights and run ops on a stream. [Precision] says what
// each of them is stored in.
//
// Caveat: a [Block] works in place on the residual stream, which is always F32;
// what lies between its ops is in the dtype that the backend likes for the
// weights' kind.
//
//	b := nn.NewBlock(nn.BlockConfig{Width: 768, Heads: 12, Hidden: 3072, Act: tensor.GELU, Eps: 1e-6}, prec)
//	err := weights.Bind(pool, file, layout, &b)
//	b.Forward(s, x, nn.Mask{}) // x (B, L, C)
package nn
