package server

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// input is one thing to be embedded: a text, the ids of one, the bytes of a
// picture's or a sound's file, or the address to fetch them from.
type input struct {
	param   string // where it stood in the request, such as input[3]
	text    string
	ids     []int32
	picture []byte
	url     string
}

func (in input) isPicture() bool { return in.picture != nil || in.url != "" }

const (
	maxInputs   = 2048      // of a request, as OpenAI has it
	maxPictures = 256       // of them; their bytes are bounded by the request's
	maxText     = 256 << 10 // bytes; models read some hundred
)

// checkInputs refuses what no model takes.
func checkInputs(list []input) error {
	if len(list) == 0 {
		return badRequest("input", "the list of inputs is empty; give at least one")
	}
	if len(list) > maxInputs {
		return badRequest("input", "%d inputs; at most %d in a request", len(list), maxInputs)
	}
	pictures := 0
	for _, in := range list {
		if in.isPicture() {
			pictures++
		}
		if err := in.check(); err != nil {
			return err
		}
	}
	if pictures > maxPictures {
		return badRequest("input", "%d pictures; at most %d in a request", pictures, maxPictures)
	}
	return nil
}

func (in input) check() error {
	switch {
	case in.isPicture():
		return nil
	case in.ids == nil && in.text == "":
		return badRequest(in.param, "the text is empty")
	case len(in.text) > maxText:
		return badRequest(in.param, "the text has %d bytes; at most %d", len(in.text), maxText)
	}
	return nil
}

// textInput is a text as it is.
func textInput(param, text string) input { return input{param: param, text: text} }

// textOrPicture is a picture if the string is a data URL of one, else a text.
func textOrPicture(param, s string) (input, error) {
	if !isDataURL(s) {
		return textInput(param, s), nil
	}
	return pictureInput(param, s)
}

func isDataURL(s string) bool { return len(s) > 5 && strings.EqualFold(s[:5], "data:") }

// pictureInput reads a picture that is given as a data URL, as bare base64, or by an
// address, which is fetched when its turn comes.
func pictureInput(param, s string) (input, error) {
	if isURL(s) {
		return input{param: param, url: s}, nil
	}
	return fileInput(param, s, "picture")
}

// fileInput reads the file of a picture or a sound, which it is called.
func fileInput(param, s, what string) (input, error) {
	body := s
	if isDataURL(s) {
		head, rest, ok := strings.Cut(s, ",")
		if !ok || !strings.HasSuffix(strings.ToLower(head), ";base64") {
			return input{}, badRequest(param, "the data URL is not of the form data:image/png;base64,…")
		}
		body = rest
	}
	data, err := decodeBase64(body)
	if err != nil {
		return input{}, badRequest(param, "the %s is not valid base64", what)
	}
	if len(data) == 0 {
		return input{}, badRequest(param, "the %s is empty", what)
	}
	return input{param: param, picture: data}, nil
}

func isURL(s string) bool {
	head, _, ok := strings.Cut(s[:min(len(s), 16)], "://")
	return ok && !strings.ContainsAny(head, "+/=")
}

// decodeBase64 takes the standard alphabet and the one for URLs, padded or not,
// with line breaks or without.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=\r\n ")
	enc := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		enc = base64.RawURLEncoding
	}
	return enc.DecodeString(s)
}

// at names an item of a list of the request.
func at(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
