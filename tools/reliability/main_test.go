package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/reliability"
)

func TestDiagram(t *testing.T) {
	hits, err := reliability.Read("../../internal/reliability/testdata/hits.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := drawTo(&out, hits); err != nil {
		t.Fatal(err)
	}
	svg := out.String()
	for _, want := range []string{"builtin, words", "builtin, picture", "synthetic, words"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no line for %q", want)
		}
	}
	for d := xml.NewDecoder(&out); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
