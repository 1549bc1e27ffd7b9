// Package weights fills a module, a struct with tagged fields, from a checkpoint.
//
// A [Matrix] is a weight that is packed for multiplication, a [Constant] a
// float32 tensor on the device, a [Table] one whose rows are gathered, a [Host]
// a slice for the module's own use. Their shapes are set before binding; a field
// without a shape is not part of the module. Nested structs join their tags with
// dots, slices of structs add the index.
//
// [Bind] is strict both ways: every missing, unused and wrongly shaped tensor is
// in one [*Error], and nothing is loaded. A [Layout] renames a foreign
// checkpoint's tensors to the module's names; adding one is adding a table.
//
// Caveat: shapes are compared without their dimensions of size one, so that
// [1, 1, C] fits [C].
//
//	type net struct {
//		Norm   nn.LayerNorm `weight:"norm"`
//		Blocks []nn.Block   `weight:"blocks"`
//	}
//	err := weights.Bind(pool, file, layout, &m)
package weights
