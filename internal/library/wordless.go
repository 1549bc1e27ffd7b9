package library

// wordless is an Embedder that may know pictures only: then its EmbedTexts fails,
// queries of words are refused, and probabilities of pictures do without captions.
type wordless interface{ PicturesOnly() bool }

// picturesOnly tells whether a model knows no words.
func picturesOnly(e Embedder) bool {
	w, ok := e.(wordless)
	return ok && w.PicturesOnly()
}

// needWords refuses what only a model that knows words can answer.
func needWords(e Embedder) error {
	if picturesOnly(e) {
		return errorf(KindQuery, "the model %s knows pictures only: search with a picture, or by words alone, which looks at names, folders, captions and tags", e.Name())
	}
	return nil
}
