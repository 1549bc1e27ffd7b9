package server

import (
	"encoding/json"
)

// part is an item that says itself what it is: Jina's {"text":…}, {"image":…} or
// {"audio":…}, and OpenAI's typed parts {"type":"text","text":…},
// {"type":"image_url","image_url":{"url":…}}, {"type":"input_image","image_url":…},
// {"type":"input_audio","input_audio":{"data":…,"format":"wav"}}.
type part struct {
	Type     string          `json:"type"`
	Text     *string         `json:"text"`
	Image    *string         `json:"image"`
	Audio    *string         `json:"audio"`
	ImageURL json.RawMessage `json:"image_url"`
	Sound    *struct {
		Data string `json:"data"`
	} `json:"input_audio"`
}

func partInput(param string, raw json.RawMessage) (input, error) {
	var p part
	if err := json.Unmarshal(raw, &p); err != nil {
		return input{}, badRequest(param, "%s is an object that cannot be read; give {\"text\":…}, {\"image\":…} or {\"audio\":…}", param)
	}
	return p.input(param)
}

func (p *part) input(param string) (input, error) {
	if !one(p.Text != nil, p.Image != nil || len(p.ImageURL) > 0, p.Audio != nil, p.Sound != nil) {
		return input{}, badRequest(param, "%s has to hold one of text, image and audio", param)
	}
	switch {
	case p.Image != nil:
		return pictureInput(param, *p.Image)
	case p.Audio != nil:
		return soundInput(param, *p.Audio)
	case p.Sound != nil:
		return soundInput(param+".input_audio", p.Sound.Data)
	case p.Text != nil:
		return textInput(param, *p.Text), nil
	}
	url, err := p.url(param)
	if err != nil {
		return input{}, err
	}
	return pictureInput(param, url)
}

// one tells whether exactly one of the conditions holds.
func one(list ...bool) bool {
	n := 0
	for _, holds := range list {
		if holds {
			n++
		}
	}
	return n == 1
}

// url reads image_url, which is an object with a url or the url itself.
func (p *part) url(param string) (string, error) {
	var s string
	if json.Unmarshal(p.ImageURL, &s) == nil {
		return s, nil
	}
	var o struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(p.ImageURL, &o); err != nil || o.URL == "" {
		return "", badRequest(param+".image_url", "image_url has to be {\"url\":\"data:image/png;base64,…\"}")
	}
	return o.URL, nil
}

// chatMessage is one of vLLM's messages: its content is a string or a list of
// parts.
type chatMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// conversation is vLLM's way to embed one thing: the text or the picture of the
// messages, not both, since a dual encoder has no vector of a mixture.
func conversation(messages []chatMessage) ([]input, error) {
	var all []input
	for i, m := range messages {
		param := at("messages", i) + ".content"
		var text string
		if json.Unmarshal(m.Content, &text) == nil {
			all = append(all, textInput(param, text))
			continue
		}
		var parts []part
		if err := json.Unmarshal(m.Content, &parts); err != nil {
			return nil, badRequest(param, "content has to be a string or a list of parts")
		}
		for k, p := range parts {
			in, err := p.input(at(param, k))
			if err != nil {
				return nil, err
			}
			all = append(all, in)
		}
	}
	return oneThing(all)
}

// oneThing is the picture, or the texts joined by line breaks.
func oneThing(all []input) ([]input, error) {
	var pictures, texts []input
	for _, in := range all {
		switch {
		case in.isPicture():
			pictures = append(pictures, in)
		case in.text != "":
			texts = append(texts, in)
		}
	}
	switch {
	case len(pictures) == 1 && len(texts) == 0:
		return pictures, nil
	case len(pictures) > 0:
		return nil, badRequest("messages", "the messages hold %d pictures or sounds and %d texts; this model embeds one of them a request", len(pictures), len(texts))
	case len(texts) == 0:
		return nil, badRequest("messages", "the messages hold nothing to embed")
	}
	joined := texts[0]
	for _, in := range texts[1:] {
		joined.text += "\n" + in.text
	}
	return []input{joined}, nil
}
