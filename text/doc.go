// Package text turns strings into token ids and back, with the ids of the reference libraries, and ids into vectors.
//
// A [Tokenizer] is read from a model folder by [LoadTokenizer]: tokenizer.json, or the older vocab.json with merges.txt,
// vocab.txt, or a SentencePiece model. [Clean] is a way in which a training code base cleaned its texts (OpenCLIP,
// SigLIP), and [Cut] says how a text that is too long is cut.
//
// Ids are those of transformers 5.17's AutoTokenizer, which rebuilds the pipeline of the class that a folder names
// (CLIPTokenizer, BertTokenizer, …) and takes only the vocabulary from tokenizer.json; any other class is read as the
// file says. A component that is not supported is refused by its name when the folder is loaded, never skipped.
//
// An [Encoder] is the text tower of a dual encoder: [LoadEncoder] reads it from the same folder and Embed makes a vector
// of each text's ids. A family is a row in families and a layout in layouts.go.
//
//	tok, err := text.LoadTokenizer("models/clip-vit-base-patch32", text.TokenizerOptions{})
//	if err != nil {
//		return err
//	}
//	ids, truncated := tok.EncodeCut("a photo of a cat", text.Cut{Max: 77, KeepEnd: true})
package text
