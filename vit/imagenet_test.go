package vit

import (
	"fmt"
	"testing"
)

// TestImagenetNames: as many names as classes, and those that timm gives.
func TestImagenetNames(t *testing.T) {
	for classes := range imagenetSubsets {
		if names := imagenetNames(classes); len(names) != classes {
			t.Errorf("%d names of %d classes", len(names), classes)
		}
	}
	for _, c := range []struct {
		classes, at int
		want        string
	}{
		{1000, 0, "tench, Tinca tinca"}, {1000, 281, "tabby, tabby cat"}, {1000, 999, "toilet tissue, toilet paper, bathroom tissue"},
		{21842, 0, "tench, Tinca tinca"}, {21842, 281, "tabby, tabby cat"}, {11821, 0, "benthos"}, {21841, 0, "organism, being"}, {21843, 21842, "knothole"}, {11221, 11220, "knothole"},
	} {
		if got := imagenetNames(c.classes)[c.at]; got != c.want {
			t.Errorf("class %d of %d is %q, want %q", c.at, c.classes, got, c.want)
		}
	}
	if imagenetNames(10) != nil {
		t.Error("ten classes were taken for ImageNet's")
	}
}

// TestTimmImagenet: a folder without names of its own has ImageNet's, one with names its
// own, and another number of classes has numbers.
func TestTimmImagenet(t *testing.T) {
	for config, want := range map[string]string{
		`{"architecture":"vit_base_patch16_224","num_classes":1000}`:                          "tench, Tinca tinca",
		`{"architecture":"vit_base_patch16_224","num_classes":3}`:                             "LABEL_0",
		`{"architecture":"vit_base_patch16_224","num_classes":2,"label_names":["cat","dog"]}`: "cat",
	} {
		l, err := timmLabels([]byte(config))
		if err != nil || l.names[0] != want {
			t.Errorf("%s: %v, %v", config, fmt.Sprint(l.names)[:20], err)
		}
	}
}
