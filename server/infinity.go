package server

import (
	"encoding/json"
	"net/http"
)

// Infinity's requests are OpenAI's with a modality, which says what the strings
// of input are. Its routes have no prefix, and older ones are named after what
// they take.

// modalityInputs reads input as pictures.
func modalityInputs(modality string, raw json.RawMessage) ([]input, error) {
	if modality != "image" {
		return nil, refuse(http.StatusNotImplemented, "unsupported_modality", "modality", "modality %q is not served; text and image are", modality)
	}
	var list []string
	var one string
	if json.Unmarshal(raw, &one) == nil {
		in, err := pictureInput("input", one)
		return []input{in}, err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, badRequest("input", "input has to be a picture as a data URL, or a list of them")
	}
	var r embedRequest
	err := r.add("input", list, pictureInput)
	return r.inputs, err
}

// embeddingsImage answers Infinity's older POST /embeddings_image.
func (s *Server) embeddingsImage(w http.ResponseWriter, r *http.Request) error {
	var body embeddingsBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	body.Modality = "image"
	return s.answerEmbeddings(w, r, &body)
}
