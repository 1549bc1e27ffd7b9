// Package answer asks models that answer questions about pictures with weights of
// their own.
//
// [Load] opens one from its folder, [Knows] tells of which families. A picture is
// encoded once, by [Model.Encode], to an [ImageState], which is immutable, has a
// [Key] of its content and is kept in memory within a budget of bytes, and in a folder
// where there is one. Any number of questions go to it: [Model.Answer] generates,
// [Model.Rank] weighs candidates, [Model.Explain] says which part of the picture
// mattered. Other models take no question: [Model.Caption] describes a picture,
// [Model.Read] writes down the text in it, [Model.Match] says whether texts are about it.
// What a family cannot do is an [UnsupportedError].
//
// A family is a row in families, with a reader that makes its net.
//
// Caveat: probabilities of Rank are the model's own, not calibrated.
//
//	m, err := answer.Load(ctx, "models/SmolVLM-256M-Instruct", answer.Options{})
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	state, err := m.Encode(ctx, img, answer.PictureOptions{})
//	a, err := m.Answer(ctx, []*answer.ImageState{state}, "What does the sign say?", answer.Request{})
package answer
