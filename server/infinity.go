package server

import (
	"encoding/json"
	"net/http"
)

// Infinity's requests are OpenAI's with a modality, which says what the strings
// of input are. Its routes have no prefix, and older ones are named after what
// they take.

// modalityInputs reads input as pictures or sounds.
func modalityInputs(modality string, raw json.RawMessage) ([]input, error) {
	read, ok := map[string]func(param, s string) (input, error){"image": pictureInput, "audio": soundInput}[modality]
	if !ok {
		return nil, refuse(http.StatusNotImplemented, "unsupported_modality", "modality", "modality %q is not served; text, image and audio are", modality)
	}
	var list []string
	var one string
	if json.Unmarshal(raw, &one) == nil {
		in, err := read("input", one)
		return []input{in}, err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, badRequest("input", "input has to be a picture or a sound as a data URL, or a list of them")
	}
	var r embedRequest
	err := r.add("input", list, read)
	return r.inputs, err
}

// embeddingsOf answers Infinity's older POST /embeddings_image and
// /embeddings_audio.
func (s *Server) embeddingsOf(modality string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var body embeddingsBody
		release, err := s.readJSON(w, r, &body)
		if err != nil {
			return err
		}
		defer release()
		body.Modality = modality
		return s.answerEmbeddings(w, r, &body)
	}
}

// infinityEntry is a model as Infinity lists it; its client demands the owner and
// the stats.
type infinityEntry struct {
	modelEntry
	Backend      string        `json:"backend"`
	Capabilities []string      `json:"capabilities"`
	Stats        infinityStats `json:"stats"`
}

// infinityStats say how busy a model is: inputs that wait, of those that may, and
// that are being computed.
type infinityStats struct {
	QueueFraction  float64 `json:"queue_fraction"`
	QueueAbsolute  int     `json:"queue_absolute"`
	ResultsPending int     `json:"results_pending"`
	BatchSize      int     `json:"batch_size"`
}

type infinityList struct {
	Object string          `json:"object"`
	Data   []infinityEntry `json:"data"`
}

// infinityModels answers Infinity's GET /models.
func (s *Server) infinityModels(w http.ResponseWriter, _ *http.Request) error {
	list := []infinityEntry{}
	for _, c := range s.encoders {
		can := []string{"embed", "image_embed", "rerank", "classify"}
		if _, hears := c.listener(); hears {
			can = append(can, "audio_embed")
		}
		entry := infinityEntry{s.modelEntry(c), "emblem", can, c.busy()}
		entry.OwnedBy = "infinity"
		list = append(list, entry)
	}
	writeJSON(w, http.StatusOK, infinityList{"list", list})
	return nil
}

func (c *encoder) busy() infinityStats {
	texts, pictures := c.texts.Stats(), c.pictures.Stats()
	waiting := texts.Waiting + pictures.Waiting
	return infinityStats{
		QueueFraction:  float64(waiting) / float64(c.texts.Queue+c.pictures.Queue),
		QueueAbsolute:  waiting,
		ResultsPending: waiting + texts.Running + pictures.Running,
		BatchSize:      c.pictures.Size,
	}
}
