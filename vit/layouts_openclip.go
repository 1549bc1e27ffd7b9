package vit

import "github.com/emblem-search/emblem/internal/weights"

// openCLIPs are the layouts of an open_clip folder, told apart by their markers.
var openCLIPs = []weights.Layout{openCLIPCoCa, openCLIPCoCaEven, openCLIP, openCLIPTimmProj, openCLIPTimm}

// openCLIPCoCa is the vision transformer of CoCa, whose queries have another width
// than the patches; openCLIPCoCaEven that where they have not.
var (
	openCLIPCoCa = coca("visual.attn_pool.attn.q_proj_weight",
		weights.Rule{To: "query_pool.q.weight", From: weights.From("visual.attn_pool.attn.q_proj_weight")},
		weights.Rule{To: "query_pool.kv.weight", From: weights.From("visual.attn_pool.attn.k_proj_weight", "visual.attn_pool.attn.v_proj_weight"), Op: weights.Cat})
	openCLIPCoCaEven = coca("visual.attn_pool.attn.in_proj_weight")
)

func coca(marker string, first ...weights.Rule) weights.Layout {
	const pool = "visual.attn_pool."
	l := openCLIP
	l.Name, l.Marker = "CoCa (OpenCLIP)", marker
	first = append(first,
		weights.Rule{To: "query_pool.query", From: weights.From(pool + "query")},
		weights.Rule{To: "query_pool.norm_q.*", From: weights.From(pool + "ln_q.*")},
		weights.Rule{To: "query_pool.norm_k.*", From: weights.From(pool + "ln_k.*")},
		weights.Rule{To: "query_pool.q.*", From: weights.From(pool + "attn.in_proj_*"), Op: weights.Split, Part: weights.Part{Lo: 0, Hi: 1, Of: 3}},
		weights.Rule{To: "query_pool.kv.*", From: weights.From(pool + "attn.in_proj_*"), Op: weights.Split, Part: weights.Part{Lo: 1, Hi: 3, Of: 3}},
		weights.Rule{To: "query_pool.proj.*", From: weights.From(pool + "attn.out_proj.*")})
	l.Rules = append(first, l.Rules...)
	return l
}

// openCLIPTimm is a tower of timm inside open_clip: SigLIP's, or CLIP's with its
// classifier as the projection; openCLIPTimmProj has open_clip's own projection.
var (
	openCLIPTimm     = timmTower("visual.trunk.pos_embed", "visual.trunk.head.*")
	openCLIPTimmProj = timmTower("visual.head.proj.weight", "visual.head.proj.*")
)

func timmTower(marker, head string) weights.Layout {
	const trunk = "visual.trunk."
	return weights.Layout{
		Name:   "OpenCLIP with a timm tower",
		Marker: marker,
		Rules: []weights.Rule{
			{To: "head.*", From: weights.From(head)},
			{To: "cls_token", From: weights.From(trunk + "cls_token")},
			{To: "norm_pre.*", From: weights.From(trunk + "norm_pre.*")},
			{To: "patch_embed.proj.weight", From: weights.From(trunk + "patch_embed.proj.weight"), Op: weights.ChannelsLast},
			{To: "patch_embed.proj.bias", From: weights.From(trunk + "patch_embed.proj.bias")},
			{To: "pos_embed", From: weights.From(trunk + "pos_embed")},
			{To: "blocks.*.*.*", From: weights.From(trunk + "blocks.*.*.*")},
			{To: "blocks.*.*.*.*", From: weights.From(trunk + "blocks.*.*.*.*")},
			{To: "norm.*", From: weights.From(trunk + "norm.*")},
			{To: "attn_pool.latent", From: weights.From(trunk + "attn_pool.latent")},
			{To: "attn_pool.*.*", From: weights.From(trunk + "attn_pool.*.*")},
			{To: "attn_pool.*.*.*", From: weights.From(trunk + "attn_pool.*.*.*")},
		},
		Foreign: openCLIPText,
	}
}
