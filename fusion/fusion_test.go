package fusion

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/internal/picture"
)

// reference is a golden: a folder, what the reference library makes of it.
type reference struct {
	Pictures, Texts []string
	IDs             [][]int32
	path            string
	file            *golden.File
}

// references are the goldens that any build can load.
func references(t *testing.T) []*reference {
	files, err := filepath.Glob("testdata/*.safetensors")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	var all []*reference
	for _, f := range files {
		r := &reference{path: f[:len(f)-len(".safetensors")]}
		if raw, err := os.ReadFile(r.path + "/open_clip_config.json"); err == nil && strings.Contains(string(raw), "vit_tiny_") {
			continue // its tower has a size that only the tests of vit know
		}
		r.file = golden.Open(t, r.path, r)
		all = append(all, r)
	}
	return all
}

func (r *reference) open(t *testing.T, o Options) *DualEncoder {
	t.Helper()
	d, err := Load(context.Background(), r.path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// images decodes the reference's pictures from their files.
func (r *reference) images(t *testing.T) []image.Image {
	t.Helper()
	var all []image.Image
	for _, name := range r.Pictures {
		data, err := os.ReadFile(filepath.Join("testdata/pictures", name))
		if err != nil {
			t.Fatal(err)
		}
		p, err := picture.Decode(data, picture.Options{Local: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, p)
	}
	return all
}

// TestFromFiles holds vectors from files and strings to the reference in every
// dtype, with the plan's gates.
func TestFromFiles(t *testing.T) {
	for _, r := range references(t) {
		for _, dtype := range []string{"f32", "f16", "bf16", "int8"} {
			t.Run(filepath.Base(r.path)+"/"+dtype, func(t *testing.T) {
				d := r.open(t, Options{DType: dtype})
				pictures, err := d.EmbedImages(context.Background(), r.images(t))
				if err != nil {
					t.Fatal(err)
				}
				texts, err := d.EmbedTexts(context.Background(), r.Texts)
				if err != nil {
					t.Fatal(err)
				}
				image, text := golden.Unit(r.file.Rows("image")), golden.Unit(r.file.Rows("text"))
				switch dtype {
				case "f32":
					golden.Within(t, "pictures", 2e-4, image, pictures)
					golden.Within(t, "texts", 2e-4, text, texts)
					golden.Within(t, "logits", 1e-3, r.file.Rows("logits"), d.Logits(pictures, texts))
				case "int8":
					golden.Close(t, "pictures", 0.995, image, pictures)
					golden.Close(t, "texts", 0.995, text, texts)
				default:
					golden.Close(t, "pictures", 0.9995, image, pictures)
					golden.Close(t, "texts", 0.9995, text, texts)
				}
			})
		}
	}
}

// TestIDs holds token ids to the reference.
func TestIDs(t *testing.T) {
	for _, r := range references(t) {
		tok, err := LoadTokenizer(r.path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range r.Texts {
			ids, _, err := tok.EncodeText(s, CutEnd)
			if err != nil || !slices.Equal(ids, r.IDs[i]) {
				t.Errorf("%s: %q has ids %v, %v; want %v", r.path, s, ids, err, r.IDs[i])
			}
		}
	}
}

// TestBatchInvariance: a vector does not depend on its company, bit for bit.
func TestBatchInvariance(t *testing.T) {
	for _, r := range references(t) {
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			alone(t, r, dtype)
		}
	}
}

// company is how many times the pictures of a batch stand in it: enough for several
// blocks of rows, or few where plain Go computes, whose tiles are one row high.
func company() int {
	if os.Getenv("EMBLEM_KERNELS") == "generic" {
		return 2
	}
	return 8
}

// alone compares pictures and texts in company with each alone.
func alone(t *testing.T, r *reference, dtype string) {
	ctx, d, images, times := context.Background(), r.open(t, Options{DType: dtype}), r.images(t), company()
	all, err := d.EmbedImages(ctx, slices.Repeat(images, times))
	if err != nil {
		t.Fatal(err)
	}
	for i := range images {
		one, err := d.EmbedImages(ctx, images[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one[0], all[i]) || !slices.Equal(one[0], all[(times-1)*len(images)+i]) {
			t.Errorf("%s, %s: picture %d differs in company", d.Name(), dtype, i)
		}
	}
	if all, err = d.EmbedTexts(ctx, r.Texts); err != nil {
		t.Fatal(err)
	}
	for i := range r.Texts {
		one, err := d.EmbedTexts(ctx, r.Texts[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one[0], all[i]) {
			t.Errorf("%s, %s: text %d differs in company", d.Name(), dtype, i)
		}
	}
}
