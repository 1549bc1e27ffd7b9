package server

import (
	"context"
	"net/http"
)

// Certified is what an Embedder can do besides: say how right it is on this machine.
type Certified interface {
	// Parity is what GET /v1/models/{id}/parity answers, ready for JSON; parityAnswer
	// describes it.
	Parity(ctx context.Context) (any, error)
}

// parityAnswer describes a certificate in /openapi.json.
type parityAnswer struct {
	Model       string          `json:"model"`
	Family      string          `json:"family"`
	DType       string          `json:"dtype"`
	Fingerprint string          `json:"fingerprint"`
	OK          bool            `json:"ok"`
	Machine     parityMachine   `json:"machine"`
	Goldens     []string        `json:"goldens"`
	Parts       []parityPart    `json:"parts"`
	Rules       parityRules     `json:"rules"`
	Findings    []parityFinding `json:"findings"`
}

type parityMachine struct {
	Processor string            `json:"processor"`
	Cores     int               `json:"cores"`
	System    string            `json:"system"`
	Device    string            `json:"device"`
	Kernels   map[string]string `json:"kernels"`
}

type parityPart struct {
	Part      string  `json:"part"`
	DType     string  `json:"dtype"`
	Golden    string  `json:"golden"`
	Measure   string  `json:"measure"`
	Worst     float64 `json:"worst"`
	Tolerance float64 `json:"tolerance"`
	Checked   int     `json:"checked"`
	OK        bool    `json:"ok"`
}

type parityRules struct {
	Steps    []string  `json:"steps"`
	Pictures anyObject `json:"pictures"`
	Texts    anyObject `json:"texts"`
	Tokens   int       `json:"tokens"`
}

type parityFinding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// parityRoutes say how right models are on this machine.
func (s *Server) parityRoutes() []route {
	one := route{method: "GET", path: "/v1/models/:model/parity", scope: ScopeEmbed, stamps: true, handle: s.parity, answer: parityAnswer{},
		doc: "Say how far each part of a model's family is from the reference library on this machine, in every dtype, by which kernels and rules, and what is odd about its folder."}
	two := one
	two.path, two.doc = "/v1/models/:org/:model/parity", "The same for a name with a slash."
	return []route{one, two}
}

// parity answers GET /v1/models/{model}/parity.
func (s *Server) parity(w http.ResponseWriter, r *http.Request) error {
	c, err := s.encoderFor(modelName(r))
	if err != nil {
		return err
	}
	model, ok := c.Embedder.(Certified)
	if !ok {
		return refuse(http.StatusNotFound, "no_certificate", "model", "the model %s has no certificate", c.Name())
	}
	answer, err := model.Parity(r.Context())
	if err != nil {
		return err
	}
	stamp(w, c.Fingerprint())
	writeJSON(w, http.StatusOK, answer)
	return nil
}
