package vit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// timmSizes are timm's vision transformers by the size in their names: width,
// layers, heads, hidden.
var timmSizes = map[string][4]int{
	"xsmall": {256, 10, 4, 1024}, "medium": {512, 12, 8, 2048}, "betwixt": {640, 12, 10, 2560},
	"base": {768, 12, 12, 3072}, "large": {1024, 24, 16, 4096}, "huge": {1280, 32, 16, 5120},
	"giant": {1408, 40, 16, 6144}, "gigantic": {1664, 48, 16, 8192},
	"so400m": {1152, 27, 16, 4304}, "giantopt": {1536, 40, 16, 6144},
}

// timmTanh lists the SigLIP towers that have the tanh GELU; the others have the
// exact one, whatever the original checkpoint was trained with.
var timmTanh = map[string]bool{
	"vit_base_patch32_siglip_256": true, "vit_large_patch16_siglip_512": true,
	"vit_so400m_patch16_siglip_256": true, "vit_so400m_patch16_siglip_384": true, "vit_so400m_patch16_siglip_512": true,
	"vit_giantopt_patch16_siglip_256": true, "vit_giantopt_patch16_siglip_384": true,
}

// notPlain says of other towers of timm, by how their names begin, what a plain
// vision transformer has not.
var notPlain = []struct{ prefix, why string }{
	{"eva02_enormous", "it normalises after each sum"},
	{"vit_relpos_", "it has relative positions"},
	{"vit_base_mci_", "it begins with convolutions"},
	{"fastvit_", "it is made of convolutions"},
	{"vitamin_", "it begins with convolutions"},
	{"convnext", "it is made of convolutions"},
	{"swin", "it attends within windows"},
	{"resnet", "it is made of convolutions"},
}

const openCLIPWhere = "open_clip_config.json: vision_cfg"

// timm reads a name such as vit_base_patch16_siglip_224 or vit_large_patch14_clip_224.
func (v *openCLIPVision) timm(embed int) (config, error) {
	const where = openCLIPWhere
	name, _, _ := strings.Cut(v.Timm, ".") // what follows a dot names weights
	for _, p := range notPlain {
		if strings.HasPrefix(name, p.prefix) {
			return config{}, fmt.Errorf("vit: %s.timm_model_name %q is not supported: %s", where, v.Timm, p.why)
		}
	}
	c, want, err := v.trunk(name)
	if err != nil {
		return c, err
	}
	if v.TimmPool != want {
		return c, fmt.Errorf("vit: %s.timm_pool %q is not supported for %s, only %s", where, v.TimmPool, v.Timm, want)
	}
	switch proj := v.TimmProj; {
	case proj == nil || *proj == "": // the tower's own classifier, which has a bias
		c.out, c.outBias = embed, true
	case *proj == "linear":
		c.out, c.outBias = embed, v.TimmProjBias
	case *proj != "none":
		return c, fmt.Errorf("vit: %s.timm_proj %q is not supported", where, *proj)
	case c.width != embed:
		return c, fmt.Errorf("vit: open_clip_config.json: model_cfg.embed_dim %d does not fit %s of width %d", embed, v.Timm, c.width)
	}
	return c, c.check(where)
}

// trunk is the tower of a name, without its projection, and its pooling by timm's
// name.
func (v *openCLIPVision) trunk(name string) (c config, pool string, err error) {
	evas, err := evaArchitectures()
	if err != nil {
		return config{}, "", err
	}
	if own, ok := evas[name]; ok {
		return v.eva(own)
	}
	c, kind, ok := timmConfig(name)
	if !ok {
		return c, "", fmt.Errorf("vit: %s.timm_model_name %q is not supported", openCLIPWhere, v.Timm)
	}
	c.side = int(v.Side)
	return c, map[string]string{"siglip": "map", "clip": "token"}[kind], nil
}

// eva is a tower that is an Eva of timm, own in the table: EVA02's and the
// Perception Encoder's.
func (v *openCLIPVision) eva(own json.RawMessage) (config, string, error) {
	a := newEvaArgs()
	a.Pool = "avg"
	if err := weights.Decode("the table of architectures", own, &a); err != nil {
		return config{}, "", err
	}
	a.Side = v.Side
	c, err := a.config(openCLIPWhere)
	from := "visual.trunk.head.*"
	if v.TimmProj != nil && *v.TimmProj == "linear" {
		from = "visual.head.proj.*"
	}
	c.layout = a.layout("visual.trunk.", weights.Rule{To: "head.*", From: weights.From(from)})
	c.layout.Foreign = openCLIPText
	return c, a.Pool, err
}

// timmConfig is the tower of a name, but for its side, and whether it is siglip or
// clip.
func timmConfig(name string) (c config, kind string, ok bool) {
	parts := strings.Split(name, "_")
	if len(parts) < 5 || parts[0] != "vit" {
		return c, "", false
	}
	size, ok := timmSizes[parts[1]]
	digits, isPatch := strings.CutPrefix(parts[2], "patch")
	patch, err := strconv.Atoi(digits)
	if !ok || !isPatch || err != nil {
		return c, "", false
	}
	c = config{patch: patch, width: size[0], layers: size[1], heads: size[2], hidden: size[3], act: tensor.GELU}
	switch middle := strings.Join(parts[3:len(parts)-1], "_"); middle {
	case "siglip":
		c.eps, c.patchBias, c.pool = 1e-6, true, attention
		if timmTanh[name] {
			c.act = tensor.GELUTanh
		}
		return c, "siglip", true
	case "clip", "clip_quickgelu":
		c.eps, c.class, c.preNorm, c.pool = 1e-5, true, true, CLS
		if middle == "clip_quickgelu" {
			c.act = tensor.QuickGELU
		}
		return c, "clip", true
	}
	return c, "", false
}
