package library

import (
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options say what Index does. The zero value, with Roots, is right.
type Options struct {
	Roots   []string // files and folders
	Exclude []string // patterns of files to leave out; doublestar's

	Inside bool // no link is followed: what lies outside of the roots stays outside

	Ref   string // how to open the model again, kept in the manifest
	Named bool   // the user named the model
	// IllustrationsOnly stops with ErrPhotos before embedding if 20 or more new
	// files carry a camera's EXIF, unless the model is or was named.
	IllustrationsOnly bool

	Prune         bool // forget vanished files at once instead of after 30 days
	Verify        bool // read every file and compare its content
	MaxMegapixels int  // 0 means 250
	ExactDecode   bool // never decode a JPEG at a smaller scale

	Parts int // keep so many vectors for the parts of each picture, from now on; 0: as before

	Describe Describer // finds words for what pictures show; nil: none, and those found before stay

	BatchSize   int   // pictures embedded at once; 0 means 16
	MemoryBytes int64 // for decoded pictures; 0 means 512 MiB

	Log      *slog.Logger   // warnings; nil drops them
	Progress func(Progress) // called often, from one goroutine at a time; nil is fine
	Item     func(Item)     // called for every file that changed; nil is fine

	now func() time.Time // tests age files; nil is time.Now

	deleted func(path string) bool // says of a missing file that somebody deleted it; nil: of none

	// Of Watch; tests are less patient, and at the end of the system's means.
	settleTime, rescan time.Duration
	newWatcher         func() (*fsnotify.Watcher, error)
	addFolder          func(*fsnotify.Watcher, string) error
}

func (o *Options) defaults() {
	if o.BatchSize <= 0 {
		o.BatchSize = 16
	}
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = 512 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Item == nil {
		o.Item = func(Item) {}
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.deleted == nil {
		o.deleted = func(string) bool { return false }
	}
	if o.settleTime == 0 {
		o.settleTime = settleTime
	}
	if o.rescan == 0 {
		o.rescan = rescanTime
	}
	if o.newWatcher == nil {
		o.newWatcher = fsnotify.NewWatcher
	}
	if o.addFolder == nil {
		o.addFolder = (*fsnotify.Watcher).Add
	}
}

// Progress is how far Index is.
type Progress struct {
	Found int // files seen by the walk so far
	Done  int // new or changed files dealt with
	Total int // new or changed files; 0 while walking
}

// Item is what became of one file.
type Item struct {
	Path   string
	Status string // "added", "updated", "reused" (the content was known), "gone", "restored", "error"
	Kind   string // of the error: "unsupported", "too_large", "corrupt", "unreadable"
	Err    error
}

// Report is what Index did.
type Report struct {
	Library   string         `json:"library"`
	Model     string         `json:"model"`
	Pictures  int            `json:"pictures"`  // that a search can find now
	Added     int            `json:"added"`     // embedded, new
	Updated   int            `json:"updated"`   // embedded, the content had changed
	Reused    int            `json:"reused"`    // renamed or copied: the vector was known
	Unchanged int            `json:"unchanged"` // not opened, or verified
	Restored  int            `json:"restored"`  // vanished files that are back
	Gone      int            `json:"gone"`      // vanished files, hidden now
	Pruned    int            `json:"pruned"`    // vanished files, forgotten now
	Failed    map[string]int `json:"failed"`    // by kind; of this run and of runs before
	Skipped   map[string]int `json:"skipped"`   // by why they are no candidates
	Unmounted []string       `json:"unmounted"` // roots whose files all stay
	Seconds   float64        `json:"seconds"`
}

// Failures is the number of files that could not be read.
func (r Report) Failures() int {
	n := 0
	for _, k := range r.Failed {
		n += k
	}
	return n
}
