package fusion

import (
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/calibrate"
	"github.com/emblem-search/emblem/internal/weights"
)

// scaleNet are the tensors that belong to neither tower.
type scaleNet struct {
	Scale weights.Host `weight:"logit_scale"`         // the logarithm of the factor
	Bias  weights.Host `weight:"logit_bias,optional"` // SigLIP
}

// families lists the tensors that the towers answer for, by the folder's own
// word for itself.
var families = map[string]weights.Layout{
	"clip":       {Foreign: transformersTowers},
	"metaclip_2": {Foreign: transformersTowers},
	"siglip":     {Foreign: transformersTowers},
	"siglip2":    {Foreign: transformersTowers},
	"jina_clip":  {Foreign: transformersTowers},
	"imagebind": {
		Rules:   []weights.Rule{{To: "logit_scale", From: weights.From("modality_postprocessors.text.1.log_logit_scale")}},
		Foreign: append(weights.ImageBindBeside(""), "modality_preprocessors.text.mask"),
	},
	"open_clip": {Foreign: []string{
		"visual.**", "text.**", "transformer.**", "token_embedding.weight", "positional_embedding", "ln_final.*",
		"text_projection", "text_projection.*", "text_decoder.**", "attn_mask",
	}},
}

var transformersTowers = []string{"vision_model.**", "text_model.**", "visual_projection.*", "text_projection.*"}

// loadScale reads the factor and the bias of the scores.
func (d *DualEncoder) loadScale() error {
	folder, conf := d.folder, d.conf
	if d.picturesConf.Family != "" {
		folder, conf = d.pictures, d.picturesConf
	}
	layout, ok := families[conf.Family]
	if !ok { // no such model was trained to score pictures against texts
		d.scale = 1
		return nil
	}
	set, err := folder.Open(conf.Stems...)
	if err != nil {
		return err
	}
	defer set.Close()
	one := weights.Host{Shape: []int{1}}
	n := scaleNet{Scale: one, Bias: one}
	plan, err := weights.Match(set, layout, &n)
	if err != nil {
		return err
	}
	if err := plan.Load(nil); err != nil {
		return err
	}
	d.scale = math.Exp(float64(n.Scale.Data[0]))
	if d.conf.Family == "imagebind" {
		d.scale = min(d.scale, mostScale)
	}
	if n.Bias.Data != nil {
		d.bias, d.sigmoid = float64(n.Bias.Data[0]), true
	}
	if bad(d.scale) || bad(d.bias) {
		return fmt.Errorf("logit_scale or logit_bias is not a finite number")
	}
	return nil
}

// mostScale bounds ImageBind's factor; it was trained so.
const mostScale = 100

func bad(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// Logits scores unit vectors of pictures against those of texts, as the model
// was trained to: scale·cosine + bias. The result has a row per picture.
func (d *DualEncoder) Logits(pictures, texts [][]float32) [][]float32 {
	rows := make([][]float32, len(pictures))
	for i, p := range pictures {
		rows[i] = make([]float32, len(texts))
		for j, t := range texts {
			rows[i][j] = float32(d.scale*dot(p, t) + d.bias)
		}
	}
	return rows
}

// Probabilities turns a picture's logits into probabilities: one of the texts
// is right (softmax), or, where the model was trained so (SigLIP), each is right
// or not by itself (sigmoid).
func (d *DualEncoder) Probabilities(logits []float32) []float32 {
	if d.sigmoid {
		return calibrate.Sigmoids(logits)
	}
	return calibrate.Softmax(logits)
}

// Scale is the factor of the cosine in a logit.
func (d *DualEncoder) Scale() float64 { return d.scale }

// Bias is what a logit has besides the scaled cosine; zero for CLIP.
func (d *DualEncoder) Bias() float64 { return d.bias }

// Sigmoid tells whether probabilities are independent of each other.
func (d *DualEncoder) Sigmoid() bool { return d.sigmoid }

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
