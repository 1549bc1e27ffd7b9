// Package chat turns conversations into the prompts that a model was trained on, by the
// chat template that its folder has.
//
// [Load] reads a [Template] from a model's folder, [Template.Render] makes the prompt of
// [Message] values, which consist of texts and places of pictures. The prompt is equal, byte
// for byte, to that of transformers' apply_chat_template.
//
// Caveat: pictures are not here. A template only says where they stand; what stands there
// instead is up to the model.
//
//	t, err := chat.Load("models/SmolLM2-135M-Instruct", nil)
//	prompt, err := t.Render([]chat.Message{chat.Text("user", "What is gravity?")}, chat.Options{})
package chat
