package server

import (
	"encoding/json"
	"net/http"
)

type classifyBody struct {
	Model  string          `json:"model"`
	Input  json.RawMessage `json:"input"`
	Labels []string        `json:"labels"`
}

// classify answers POST /v1/classify, Jina's shape: which of the labels each
// input is, as the model was trained to say it.
func (s *Server) classify(w http.ResponseWriter, r *http.Request) error {
	var body classifyBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	if len(body.Labels) < 2 {
		return badRequest("labels", "give at least two labels")
	}
	inputs, err := openAIInputs(body.Input)
	if err != nil {
		return err
	}
	n := len(inputs)
	for i, l := range body.Labels {
		inputs = append(inputs, textInput(at("labels", i), l))
	}
	e, err := s.embedWhole(r.Context(), embedRequest{model: body.Model, inputs: inputs})
	if err != nil {
		return err
	}
	e.header(w)
	data := make([]any, n)
	for i, row := range e.model.Logits(e.vectors[:n], e.vectors[n:]) {
		data[i] = verdict(i, body.Labels, e.model.Probabilities(row))
	}
	writeJSON(w, http.StatusOK, map[string]any{"model": e.model.Name(), "data": data, "usage": e.usage()})
	return nil
}

// verdict is what became of one input.
func verdict(index int, labels []string, probs []float32) any {
	type score struct {
		Label string  `json:"label"`
		Score float32 `json:"score"`
	}
	best := 0
	all := make([]score, len(labels))
	for i, p := range probs {
		all[i] = score{labels[i], p}
		if p > probs[best] {
			best = i
		}
	}
	return map[string]any{"object": "classification", "index": index, "prediction": labels[best], "score": probs[best], "predictions": all}
}
