package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// component is a part of the program in a CycloneDX bill of materials.
type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// billOfMaterials is CycloneDX 1.6, as JSON.
type billOfMaterials struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp time.Time `json:"timestamp"`
	Component component `json:"component"`
}

// bill lists what is linked into the programs, as the binaries themselves say:
// every module of any platform, and the Go library.
func bill(products []product, v version) ([]byte, error) {
	parts := map[string]component{}
	for _, p := range products {
		std := modulePart(&debug.Module{Path: "std", Version: strings.TrimPrefix(p.info.GoVersion, "go")})
		parts[std.Ref] = std
		for _, m := range p.info.Deps {
			c := modulePart(m)
			parts[c.Ref] = c
		}
	}
	main := modulePart(&debug.Module{Path: products[0].info.Main.Path, Version: v.tag})
	main.Type = "application"
	b := billOfMaterials{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{v.when, main}}
	uses := dependency{Ref: main.Ref}
	for _, c := range parts {
		b.Components = append(b.Components, c)
		uses.DependsOn = append(uses.DependsOn, c.Ref)
	}
	slices.SortFunc(b.Components, func(x, y component) int { return strings.Compare(x.Ref, y.Ref) })
	slices.Sort(uses.DependsOn)
	b.Dependencies = []dependency{uses}
	b.Serial = serial(v.commit + v.tag)
	return json.MarshalIndent(b, "", "  ")
}

// modulePart is a module as a component; a replacement stands for what it
// replaces.
func modulePart(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	purl := fmt.Sprintf("pkg:golang/%s@%s", m.Path, m.Version)
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

// serial is a UUID that depends on nothing but its seed.
func serial(seed string) string {
	h := sha256.Sum256([]byte(seed))
	h[6] = h[6]&0x0f | 0x80 // version 8: the name's own scheme
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// sums is the checksum file, as sha256sum -c reads it.
func sums(files []artefact) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(f.data), f.name)
	}
	return b.Bytes()
}
