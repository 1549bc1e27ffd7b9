package certificate

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/vit"
)

// Error refuses a model: this machine, or this build, computes what the reference
// does not.
type Error struct {
	Model string
	Part  Part // the first that is wrong
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s is refused: its family's golden %s is computed wrongly on this machine (%v); run with EMBLEM_KERNELS=generic or another --dtype, and report what `emblem doctor` says", e.Model, e.Part.Golden, e.Part)
}

// Finding is what was seen of a model's folder.
type Finding struct {
	Check  string `json:"check"` // activation, tokenizer, golden, …
	OK     bool   `json:"ok"`    // else it is worth a look: the model may not be what its folder says
	Detail string `json:"detail"`
}

// Load is what opening a model checks: the goldens of its family, once a process; and
// its folder, as far as that takes no time. An [*Error], and a folder that cannot be
// right, refuse the model. Weights need not have been read.
func Load(m *fusion.DualEncoder, folder weights.Folder, device string) ([]Finding, error) {
	conf, err := folder.Config()
	if err != nil {
		return nil, err
	}
	f, err := Goldens(m.Name(), folder, device, m.DType())
	if err != nil {
		return nil, err
	}
	found, err := look(m, folder, conf)
	return append([]Finding{f}, found...), err
}

// Goldens runs those of a folder's family in a dtype, and in f32, which has the closest
// tolerance. One that is computed wrongly is an [*Error].
func Goldens(model string, folder weights.Folder, device, dtype string) (Finding, error) {
	all, err := of(folder)
	if err != nil {
		return Finding{}, err
	}
	_, err = runAll(model, all, device, dtype, "f32")
	return covered(all), err
}

// of are the goldens of a folder, and of the model that pictures come from where that
// is another one within it.
func of(folder weights.Folder) ([]*Golden, error) {
	conf, err := folder.Config()
	if err != nil {
		return nil, err
	}
	all, err := For(conf)
	if err != nil || vit.Knows(conf.Family) || folder.FS != nil {
		return all, err
	}
	conf, err = weights.Folder{Dir: filepath.Join(folder.Dir, "vision")}.Config()
	if err != nil {
		return all, nil // there is none
	}
	more, err := For(conf)
	return append(all, more...), err
}

// covered says whether a family has goldens.
func covered(all []*Golden) Finding {
	if len(all) == 0 {
		return Finding{Check: "golden", Detail: "there is none of this family in this build: its numbers are not compared with the reference"}
	}
	return Finding{Check: "golden", OK: true, Detail: strings.Join(names(all), ", ")}
}

func names(all []*Golden) (names []string) {
	for _, g := range all {
		names = append(names, g.Name)
	}
	return names
}

// runAll runs goldens in some dtypes; the first part that is wrong is the error.
func runAll(model string, all []*Golden, device string, dtypes ...string) (results []Result, err error) {
	for i, dtype := range dtypes {
		if i > 0 && dtype == dtypes[0] {
			continue
		}
		for _, g := range all {
			r, err := g.runOnce(device, dtype)
			if err != nil {
				return results, err
			}
			results = append(results, r)
		}
	}
	return results, judged(model, results)
}

func judged(model string, results []Result) error {
	for _, r := range results {
		for _, p := range r.Parts {
			if !p.OK {
				return &Error{model, p}
			}
		}
	}
	return nil
}

// look checks a folder without its weights. An error is what cannot be right.
func look(m *fusion.DualEncoder, folder weights.Folder, conf weights.Config) ([]Finding, error) {
	found := []Finding{activations(m, folder, conf)}
	if m.PicturesOnly() {
		return found, nil
	}
	f, err := tokens(m.Tokenizer, m.Text())
	return append(found, f...), err
}
