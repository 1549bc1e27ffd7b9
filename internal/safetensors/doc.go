// Package safetensors reads and writes the weights of a model: one file, or a
// folder of shards with an index, mapped into memory.
//
// A [Set] is an open model, a [View] one tensor of it, a [DType] its number
// format. [Open] and [OpenFolder] read, [Write] writes, [ToF32] converts.
//
// The reader is stricter than the reference (safetensors 0.8, Rust): every byte
// of a file belongs to exactly one tensor or to the header, no key occurs twice,
// and every size is checked before memory is taken. Pickle files are refused.
//
// Caveat: a View's Data is mapped, read-only memory. It is dead after
// [Set.Close]; writing to it, or cutting the file short while it is open, ends
// the process with SIGSEGV or SIGBUS, which Go cannot recover from. Replace
// model files by renaming a new one into place, as [Write] does.
//
//	set, err := safetensors.OpenFolder(dir, "model")
//	if err != nil {
//		return err
//	}
//	defer set.Close()
//	v, ok := set.Get("visual_projection.weight")
//	if !ok {
//		return errors.New("no visual_projection.weight")
//	}
//	w := make([]float32, v.Len())
//	err = safetensors.ToF32(w, v)
package safetensors
