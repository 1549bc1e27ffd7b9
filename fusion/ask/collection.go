package ask

import "time"

// CollectionOptions say how a collection is asked. The zero value is right.
type CollectionOptions struct {
	Candidates []string
	Limit      int // pictures that are cited at most; 0 means 8
	Budget     int // pictures that are inspected at most; 0 means 2000
}

// CollectionAnswer is what a collection of pictures answers.
type CollectionAnswer struct {
	Answer       string        `json:"answer"`
	Abstained    bool          `json:"abstained"`
	Probability  float64       `json:"probability"`
	Alternatives []Alternative `json:"answers"`
	Kind         Kind          `json:"kind"`
	Count        *Counted      `json:"count,omitempty"` // of how many pictures show something
	Annotations  []Annotation  `json:"annotations"`     // the pictures that the answer rests on
	Inspected    int           `json:"inspected"`
}

// Annotation cites a picture and what is answered about it.
type Annotation struct {
	ID          string  `json:"id"`
	Answer      string  `json:"answer"`
	Probability float64 `json:"probability"`
	Correction  string  `json:"correction,omitempty"` // id of what somebody said
}

// Correction is what somebody said is the answer to a question about a picture. It lies in
// the collection's truth, so that backups have it.
type Correction struct {
	ID       string    `json:"id"`
	Question string    `json:"question"`
	Answer   string    `json:"answer"`
	Document string    `json:"document,omitempty"` // of the library, if the picture is there
	Made     time.Time `json:"made"`

	Vector      []float32 `json:"vector,omitempty"` // of the picture
	Fingerprint string    `json:"fingerprint,omitempty"`
}
