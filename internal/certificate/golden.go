package certificate

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/weights"
)

// goldens are made by tools/golden/certificate.py.
//
//go:embed goldens/*.zip
var goldens embed.FS

// Golden is a tiny model and what the reference library makes of it.
type Golden struct {
	Name   string
	Family string            // what its folder says it is
	files  map[string][]byte // of its folder, and the numbers
	marks  []string          // what a model has to have to be judged by it
	meta   meta
	folder func() (fs.FS, error) // with weights, which are made once
}

// meta is golden.json.
type meta struct {
	Texts   []string  `json:"texts"`
	IDs     [][]int32 `json:"ids"`
	Tensors []formula `json:"tensors"`
}

// All are the goldens by name.
func All() (all []*Golden, err error) {
	files, err := fs.Glob(goldens, "goldens/*.zip")
	for _, f := range files {
		g, err := open(f)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, err
}

// ofFamily are a family's: FAMILY.zip, and FAMILY.KIND.zip.
var ofFamily = func(family string) (own []*Golden, err error) {
	files, err := fs.Glob(goldens, "goldens/*.zip")
	for _, f := range files {
		if name, _, _ := strings.Cut(path.Base(f), "."); name != family {
			continue
		}
		g, err := open(f)
		if err != nil {
			return nil, err
		}
		own = append(own, g)
	}
	return own, err
}

// opened are the goldens that have been read.
var opened sync.Map

func open(file string) (*Golden, error) {
	read, _ := opened.LoadOrStore(file, sync.OnceValues(func() (*Golden, error) {
		g, err := readGolden(file)
		if err != nil {
			err = fmt.Errorf("certificate: %s: %w", file, err)
		}
		return g, err
	}))
	return read.(func() (*Golden, error))()
}

// For are the goldens that a model is judged by, from its family and configuration.
func For(conf weights.Config) ([]*Golden, error) {
	own, err := ofFamily(conf.Family)
	have := marksOf(conf)
	if err == nil && slices.Contains(have, "timm_model_name") {
		var towers []*Golden
		towers, err = ofFamily("timm")
		own = slices.Concat(own, towers)
	}
	return slices.DeleteFunc(own, func(g *Golden) bool {
		return slices.ContainsFunc(g.marks, func(m string) bool { return !slices.Contains(have, m) })
	}), err
}

// kinds are parts of the names of timm's towers, each a kind of its own.
var kinds = []string{"siglip", "dinov2", "dinov3", "eva", "_pe_"}

// marksOf names what is special about a model of open_clip or timm, which have many
// kinds of tower in one family.
func marksOf(conf weights.Config) (marks []string) {
	var file struct {
		Architecture string `json:"architecture"`
		Model        struct {
			Vision map[string]any `json:"vision_cfg"`
			Text   map[string]any `json:"text_cfg"`
		} `json:"model_cfg"`
	}
	if conf.Family != "open_clip" && conf.Family != "timm" || json.Unmarshal(conf.Raw, &file) != nil {
		return nil
	}
	mark := func(cfg map[string]any, keys ...string) {
		for _, key := range keys {
			if v := cfg[key]; v != nil && v != false && v != "" {
				marks = append(marks, key)
			}
		}
	}
	mark(file.Model.Vision, "attentional_pool", "timm_model_name", "no_ln_pre")
	mark(file.Model.Text, "hf_model_name")
	tower, _ := file.Model.Vision["timm_model_name"].(string)
	for _, kind := range kinds {
		if strings.Contains(file.Architecture+tower, kind) {
			marks = append(marks, kind)
		}
	}
	return marks
}

func readGolden(file string) (*Golden, error) {
	data, err := goldens.ReadFile(file)
	if err != nil {
		return nil, err
	}
	g := &Golden{Name: strings.TrimSuffix(path.Base(file), ".zip"), files: map[string][]byte{}}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if g.files[f.Name], err = fs.ReadFile(z, f.Name); err != nil {
			return nil, err
		}
	}
	if err := json.Unmarshal(g.files["golden.json"], &g.meta); err != nil {
		return nil, err
	}
	folder, err := folderOf(g.files)
	if err != nil {
		return nil, err
	}
	conf, err := weights.Folder{FS: folder}.Config()
	g.Family, g.marks, g.folder = conf.Family, marksOf(conf), sync.OnceValues(g.withWeights)
	return g, err
}

// withWeights is the model's folder, complete.
func (g *Golden) withWeights() (fs.FS, error) {
	tensors := make([]safetensors.View, len(g.meta.Tensors))
	for i, f := range g.meta.Tensors {
		tensors[i] = f.view()
	}
	literal, err := safetensors.OpenBytes("golden.weights", g.files["golden.weights"])
	if err != nil {
		return nil, err
	}
	defer literal.Close()
	for _, name := range literal.Names() {
		v, _ := literal.Get(name)
		tensors = append(tensors, v)
	}
	data, err := safetensors.Encode(tensors, nil)
	if err != nil {
		return nil, err
	}
	name := "model.safetensors"
	if g.files["open_clip_config.json"] != nil {
		name = "open_clip_model.safetensors"
	}
	files := map[string][]byte{name: data}
	for name, data := range g.files {
		if !strings.HasPrefix(name, "golden.") {
			files[name] = data
		}
	}
	return folderOf(files)
}

// folderOf is a file system in memory: an archive, not compressed.
func folderOf(files map[string][]byte) (fs.FS, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(w, bytes.NewReader(data))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
}
