// Package decoder continues texts with causal language models: GPT-2, LLaMA and its
// relatives (SmolLM2), Qwen2; and with an encoder-decoder, BART and T5.
//
// A [Decoder] is read from a model folder by [Load]. [Decoder.Generate] continues
// token ids, [Decoder.Complete] a string; [Sampling] says how tokens are chosen. All
// callers of one Decoder share its forward passes: each turn takes the next token of
// every sequence that is running and a part of the prompts that wait, and keys and
// values lie in pages that sequences with the same beginning share. Results do not
// depend on any of that, bit for bit. [Decoder.Score] weighs what may follow. An
// [Insert] puts what a picture has become into a prompt.
//
// A family is a row in families, with a reader of its configuration and its layout.
//
// Caveat: the numbers of the configuration that are not implemented are refused by
// name, such as sliding windows.
//
//	d, err := decoder.Load(ctx, "models/SmolLM2-135M", decoder.Options{})
//	if err != nil {
//		return err
//	}
//	defer d.Close()
//	_, err = d.Complete(ctx, "Gravity is", d.Defaults(), func(p decoder.Piece) error {
//		fmt.Print(p.Text)
//		return nil
//	})
package decoder
