package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/durable"
	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/weights"
)

// Options say what becomes of a folder. What is empty stays as it is.
type Options struct {
	DType  string   // "f32", "f16", "bf16"
	Int8   []string // tensors to store as int8 rows; those of other folders' converters stay int8 unless DType is set
	Layout string   // "transformers" or "open_clip"
}

// Report is what was written.
type Report struct {
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"`
	Tensors int   `json:"tensors"`
	Changed int   `json:"changed"` // tensors in another dtype than before
	Int8    int   `json:"int8"`    // tensors as int8
}

// Folder converts the model in src into dst, which must not be there and is there whole
// or not at all. Files that hold no weights are copied; weights in other formats than
// safetensors, and other variants of the same weights, are left out.
func Folder(ctx context.Context, src weights.Folder, dst string, o Options) (Report, error) {
	if _, err := os.Lstat(dst); err == nil {
		return Report{}, fmt.Errorf("convert: %s is there already; remove it, or name another folder", dst)
	}
	tmp := dst + ".incomplete"
	if err := os.RemoveAll(tmp); err != nil {
		return Report{}, fmt.Errorf("convert: %w", err)
	}
	w := &writer{Options: o, ctx: ctx, src: src, dst: tmp}
	err := w.run()
	if err == nil {
		err = os.Rename(tmp, dst)
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(dst))
	}
	if err != nil {
		return Report{}, errors.Join(fmt.Errorf("convert: %w", err), os.RemoveAll(tmp))
	}
	return w.report, nil
}

// writer is one conversion.
type writer struct {
	Options
	ctx    context.Context
	src    weights.Folder
	dst    string
	report Report
	linear []string // modules with a matrix that is not int8
}

func (w *writer) run() error {
	files := w.src.FS
	if files == nil {
		files = os.DirFS(w.src.Dir)
	}
	stems := map[string][]string{} // by folder
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		case d.IsDir():
			return os.MkdirAll(w.at(name), 0o755)
		}
		return w.file(files, name, stems)
	})
	if err != nil {
		return err
	}
	if len(stems) == 0 {
		return fmt.Errorf("%s has no .safetensors file", w.src.Dir)
	}
	layout, err := w.layout()
	if err != nil {
		return err
	}
	for dir, list := range stems {
		if dir == "." {
			list = w.chosen(list)
		}
		for _, stem := range list {
			if err := w.weights(dir, stem, layout); err != nil {
				return err
			}
		}
	}
	return w.configure(layout)
}

func (w *writer) at(name string) string { return filepath.Join(w.dst, filepath.FromSlash(name)) }

// weightFile takes the stem out of the name of a file of weights.
var weightFile = regexp.MustCompile(`^([^.]+?)(-\d+-of-\d+)?(\.[a-z0-9]+)?(-\d+-of-\d+)?\.safetensors(\.index(\.[a-z0-9]+)?\.json)?$`)

// foreign are the endings of weights in formats that are not read, and of what training left.
var foreign = []string{".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".onnx_data", ".gguf", ".ot", ".tflite", ".mlmodel", ".pkl", ".bin.index.json"}

// file copies what holds no weights and remembers what does.
func (w *writer) file(files fs.FS, name string, stems map[string][]string) error {
	base := path.Base(name)
	if m := weightFile.FindStringSubmatch(base); m != nil {
		if dir := path.Dir(name); !slices.Contains(stems[dir], m[1]) {
			stems[dir] = append(stems[dir], m[1])
		}
		return nil
	}
	if slices.ContainsFunc(foreign, func(end string) bool { return strings.HasSuffix(base, end) }) {
		return nil
	}
	in, err := files.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(w.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	w.report.Files, w.report.Bytes = w.report.Files+1, w.report.Bytes+n
	return errors.Join(err, out.Sync(), out.Close())
}

// chosen are the weights of the folder's root that the model is opened with, where
// the folder says which.
func (w *writer) chosen(stems []string) []string {
	c, err := w.src.Config()
	if err != nil {
		return stems
	}
	for _, s := range c.Stems {
		if slices.Contains(stems, s) {
			return []string{s}
		}
	}
	return stems
}

// weights converts one set of weights into one file.
func (w *writer) weights(dir, stem string, l *layout) error {
	src := w.src
	if dir != "." {
		if src.FS != nil {
			sub, err := fs.Sub(src.FS, dir)
			if err != nil {
				return err
			}
			src.FS = sub
		} else {
			src.Dir = filepath.Join(src.Dir, filepath.FromSlash(dir))
		}
		l = nil
	}
	set, err := src.Open(stem)
	if err != nil {
		return err
	}
	defer set.Close()
	jobs, err := w.jobs(set, l)
	if err != nil {
		return err
	}
	if l != nil {
		stem = l.stem
	}
	file := w.at(path.Join(dir, stem+".safetensors"))
	meta := set.Metadata()
	if len(meta) == 0 {
		meta = map[string]string{"format": "pt"} // transformers wants it
	}
	if err := w.write(file, set, jobs, meta); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err == nil {
		w.report.Files, w.report.Bytes = w.report.Files+1, w.report.Bytes+info.Size()
	}
	return err
}

// write writes the tensors one after the other.
func (w *writer) write(file string, set *safetensors.Set, jobs []job, meta map[string]string) error {
	byName, heads := map[string]*job{}, make([]safetensors.View, 0, len(jobs))
	for i := range jobs {
		byName[jobs[i].head.Name] = &jobs[i]
		heads = append(heads, jobs[i].head)
	}
	w.report.Tensors += len(jobs)
	return safetensors.WriteFrom(file, heads, meta, func(v safetensors.View) ([]byte, error) {
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
		j := byName[v.Name]
		for _, s := range j.from {
			set.Want(s)
		}
		data, err := j.fill()
		for _, s := range j.from {
			set.Drop(s, 0, len(s.Data))
		}
		return data, err
	})
}
