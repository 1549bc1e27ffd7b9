package main

import (
	_ "embed"
	"strings"
)

// clip80 are the 80 templates that CLIP's authors measured ImageNet with, as
// published with the model (MIT licence).
//
//go:embed classify_templates.txt
var clip80 string

// clip7 are those of the 80 that the same authors found to be nearly as good.
var clip7 = []string{
	"itap of a {}.", "a bad photo of the {}.", "a origami {}.", "a photo of the large {}.", "a {} in a video game.",
	"art of the {}.", "a photo of the small {}.",
}

// clipTemplates are the templates by the names of --ensemble.
func clipTemplates(name string) []string {
	if name == "clip-7" {
		return clip7
	}
	return strings.Split(strings.TrimSuffix(clip80, "\n"), "\n")
}
