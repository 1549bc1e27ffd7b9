// Package convert writes a model's folder anew: in another dtype, with its matrices as
// int8, or under the names of another library. [Folder] does all of it; a folder that
// it wrote is opened as any other.
//
// Int8 is stored as compressed-tensors has it (format int-quantized, symmetric, a scale
// for each row), so that other programs read it too:
// https://github.com/vllm-project/compressed-tensors.
package convert
