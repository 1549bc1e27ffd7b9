package weights

// ImageBind has one checkpoint for six towers, each of which has its tensors in
// four places.

// imageBindStems are what copies of ImageBind call its weights.
var imageBindStems = []string{"imagebind_huge", "model"}

// ImageBindBeside lists the tensors of ImageBind that belong to other towers than
// the named one, for a Layout's Foreign.
func ImageBindBeside(tower string) []string {
	var all []string
	for _, t := range []string{"vision", "text", "audio", "depth", "thermal", "imu"} {
		for _, place := range []string{"modality_preprocessors.", "modality_trunks.", "modality_heads.", "modality_postprocessors."} {
			if t != tower {
				all = append(all, place+t+".**")
			}
		}
	}
	return all
}
