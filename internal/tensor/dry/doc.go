// Package dry is the backend that computes nothing: it checks what it is given
// and counts what it would cost.
//
// A [Backend] is a tensor.Backend without memory behind its buffers, so a model
// of any size loads in a moment. Its [Report] tells operations and bytes moved,
// by type of op, and the weights by kind; the working memory is the device's own
// figure, tensor.Device.Peak. [Cost] is the rule for one op.
//
// Caveat: results are zeros; forward code that looks at values sees those.
//
//	b := dry.New()
//	dev := tensor.NewDevice(b)
//	err := dev.Run(ctx, tensor.Interactive, forward)
//	fmt.Println(b.Report(), dev.Peak(tensor.Interactive))
package dry
