package arch

// room is a package of the module and what it may import of the others.
type room struct {
	floor int
	path  string // below the module's own path
	does  string

	beside []string // rooms of the same floor that it may import
	tests  []string // rooms that only its tests may import, on whatever floor
	only   []string // if any: nobody else may import it
	kit    bool     // only tests may import it
}

// floors names the floors, from the ground up.
var floors = []string{
	"values and instructions: no model, no file of a picture",
	"backends, weights, files, pixels",
	"layers with weights but no modality",
	"one modality each",
	"where modalities meet",
	"models by name, the collection, the measure",
	"the service",
	"flags, configuration, wiring",
	"the workshop: tools and tests, which nothing imports",
}

// rooms is the table. A package that is not in it fails the tests, and so does a
// row without a package.
var rooms = []room{
	{floor: 0, path: "internal/tensor", does: "tensors, weights, ops as data, devices with two lanes",
		tests: []string{"internal/tensor/cpu", "internal/tensor/dry", "internal/tensor/tensortest"}},
	{floor: 0, path: "internal/simd", does: "the machine's instructions, generated, and their plain Go twins",
		only: []string{"internal/tensor/cpu", "internal/weights", "internal/convert", "internal/device", "internal/bench", "internal/vector", "internal/calibrate", "cmd/emblem"}},
	{floor: 0, path: "kernels", does: "an NVIDIA card's kernels: sources, code, manifest", only: []string{"internal/tensor/cuda"}},
	{floor: 0, path: "internal/safetensors", does: "model files, read strictly",
		beside: []string{"internal/durable"}},
	{floor: 0, path: "internal/calibrate", does: "scores into probabilities",
		beside: []string{"internal/simd"}},
	{floor: 0, path: "internal/grammar", does: "JSON schemas as machines over bytes",
		only: []string{"text/decoder"}},
	{floor: 0, path: "internal/jinja", does: "the templates of conversations",
		only: []string{"text/chat"}},
	{floor: 0, path: "internal/mersenne", does: "torch's random numbers"},
	{floor: 0, path: "internal/durable", does: "folders that last through a power cut"},
	{floor: 0, path: "internal/lockfile", does: "one process at a time, by a lock on a file"},
	{floor: 0, path: "internal/batch", does: "inputs of many callers in shared batches",
		only: []string{"server"}},

	{floor: 1, path: "internal/tensor/cpu", does: "the processor's backend",
		tests: []string{"internal/tensor/tensortest"},
		only:  []string{"internal/device"}},
	{floor: 1, path: "internal/tensor/cuda", does: "an NVIDIA card's backend, by its driver alone",
		tests: []string{"internal/tensor/tensortest"},
		only:  []string{"internal/device", "cmd/emblem"}},
	{floor: 1, path: "internal/tensor/dry", does: "the backend that computes nothing: shapes, work, memory",
		tests: []string{"internal/tensor/tensortest"},
		only:  []string{"internal/device", "internal/bench", "cmd/emblem"}},
	{floor: 1, path: "internal/tensor/tensortest", does: "the kit that judges every backend", kit: true},
	{floor: 1, path: "internal/device", does: "the places where models run, by the names of --device",
		beside: []string{"internal/tensor/cpu", "internal/tensor/cuda", "internal/tensor/dry"}},
	{floor: 1, path: "internal/weights", does: "tensors of a folder bound to tagged structs; layouts"},
	{floor: 1, path: "internal/reliability", does: "labelled hits, how well probabilities fit them",
		only: []string{"tools/reliability", "internal/evaluate"}},
	{floor: 1, path: "internal/golden", does: "numbers of the reference libraries, for tests", kit: true},
	{floor: 1, path: "internal/hub", does: "model folders in the shared Hugging Face cache"},
	{floor: 1, path: "internal/picture", does: "picture files: sniffing, limits, decoding, resampling as Pillow's",
		beside: []string{"internal/picture/jpeg"}},
	{floor: 1, path: "internal/picture/jpeg", does: "the JPEG decoder"},
	{floor: 1, path: "internal/audio", does: "sound files; resampling and filter banks as torchaudio's"},
	{floor: 1, path: "internal/fetch", does: "pictures from addresses that strangers name",
		beside: []string{"internal/picture"}, only: []string{"server"}},
	{floor: 1, path: "internal/vector", does: "the vector core of index: codes, scans, the graph",
		only: []string{"index", "cmd/emblem"}},
	{floor: 1, path: "internal/columns", does: "texts, numbers and postings, compact in memory and files",
		only: []string{"index"}},
	{floor: 1, path: "internal/words", does: "the words of texts: languages, bleve's files, ranking",
		only: []string{"index"}},
	{floor: 1, path: "internal/builtin", does: "the built-in model, embedded",
		only: []string{"internal/models", "cmd/emblem"}},

	{floor: 2, path: "internal/convert", does: "a model's folder in another dtype or layout"},
	{floor: 2, path: "internal/nn", does: "layers",
		tests: []string{"internal/tensor/cpu"}},

	{floor: 3, path: "vit", does: "pictures to features"},
	{floor: 3, path: "text", does: "strings to tokens to features"},
	{floor: 3, path: "text/decoder", does: "texts continued: language models, their cache and sampling",
		beside: []string{"text"}},
	{floor: 3, path: "text/chat", does: "conversations to prompts"},
	{floor: 3, path: "internal/imagebind", does: "sounds, depth, heat and motion to features"},
	{floor: 3, path: "index", does: "vectors and documents",
		tests: []string{"index/indextest"}},
	{floor: 3, path: "index/indextest", does: "the kit that judges stores",
		beside: []string{"index"}, kit: true},

	{floor: 4, path: "fusion", does: "pictures and strings in one space"},
	{floor: 4, path: "fusion/answer", does: "questions about pictures, answered by models of their own weights"},
	{floor: 4, path: "fusion/ask", does: "questions about pictures, answered by any dual encoder", beside: []string{"fusion"}},

	{floor: 5, path: "internal/models", does: "a model by its name",
		beside: []string{"internal/certificate"}},
	{floor: 5, path: "internal/certificate", does: "goldens of every family; whether a model is right on this machine",
		only: []string{"internal/models", "cmd/emblem"}},
	{floor: 5, path: "internal/library", does: "folders into libraries; queries"},

	{floor: 5, path: "internal/bench", does: "towers, ops and the machine's peak, timed",
		only: []string{"cmd/emblem"}},

	{floor: 5, path: "internal/evaluate", does: "how good a model is, on scenes whose truth is known",
		only: []string{"cmd/emblem"}},

	{floor: 5, path: "internal/attack", does: "what strangers do to a server",
		only: []string{"cmd/emblem"}},
	{floor: 1, path: "testdata/pictures", does: "the sample pictures, embedded",
		only: []string{"cmd/emblem"}},

	{floor: 6, path: "server", does: "HTTP in the dialects of others, behind a guard"},

	{floor: 7, path: "cmd/emblem", does: "the command line"},

	{floor: 8, path: "internal/arch", does: "this table, as tests"},
	{floor: 8, path: "internal/lint", does: "formatting, vet, staticcheck and habits, as tests"},
	{floor: 8, path: "tools/terminal", does: "a terminal's output as a picture, for the README"},
	{floor: 8, path: "tools/reliability", does: "the reliability diagram of docs/probability.md"},
	{floor: 8, path: "tools/load", does: "load on a server of this machine, counted"},
	{floor: 8, path: "tools/release", does: "what a version ships as"},
	{floor: 8, path: "internal/simd/gen", does: "the generator of the assembly"},
}

// outside says which rooms may import what heavy or narrow packages from outside
// the module; a package that is not listed is free. A prefix covers what is
// below it.
var outside = map[string][]string{
	"github.com/spf13/cobra":             {"cmd/emblem"},
	"github.com/spf13/pflag":             {"cmd/emblem"},
	"github.com/knadh/koanf":             {"cmd/emblem"},
	"github.com/schollz/progressbar/v3":  {"cmd/emblem"},
	"golang.org/x/term":                  {"cmd/emblem"},
	"github.com/cockroachdb/pebble/v2":   {"index", "index/indextest"},
	"github.com/blevesearch":             {"internal/words"},
	"github.com/gen2brain":               {"internal/picture"},
	"golang.org/x/image":                 {"internal/picture", "internal/picture/jpeg"},
	"gonum.org/v1/plot":                  {"tools/reliability"},
	"github.com/ebitengine/purego":       {"internal/tensor/cuda"},
	"github.com/fsnotify/fsnotify":       {"internal/library"},
	"flag":                               {"cmd/emblem", "tools/load"},
	"net/http":                           {"internal/hub", "internal/attack", "internal/fetch", "server", "cmd/emblem", "tools/load"},
	"github.com/labstack/echo/v4":        {"server"},
	"github.com/prometheus":              {"server"},
	"go.opentelemetry.io/otel":           {"server", "cmd/emblem"},
	"go.opentelemetry.io/otel/sdk":       {"cmd/emblem"},
	"go.opentelemetry.io/otel/exporters": {"cmd/emblem"},
	"os/exec":                            {},
}

// public are the rooms whose exported names are for everyone: their signatures
// speak Go values and name nothing internal.
var public = []string{
	"vit",
	"text",
	"text/chat",
	"text/decoder",
	"index",
	"fusion",
	"fusion/answer",
	"fusion/ask",
	"server",
}
