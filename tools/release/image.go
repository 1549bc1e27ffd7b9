package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// nobody is the user that the program has in the image: not root.
const nobody = 65532

// Media types of the OCI image specification, version 1.1.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor points at a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// index is both the layout's entry point and the list of an image's platforms.
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

// config is what the container runs.
type config struct {
	Created time.Time `json:"created"`
	platform
	Config struct {
		User       string
		Env        []string
		Entrypoint []string
		WorkingDir string
		Volumes    map[string]struct{}
		Labels     map[string]string
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// image is an OCI layout in a tar, one image for all platforms, from scratch:
// the program, its documents, an account that is not root, a data folder.
func image(products []product, v version) ([]byte, error) {
	l := &layout{}
	list := index{SchemaVersion: 2, MediaType: typeIndex}
	for _, p := range products {
		d, err := l.platform(p, v)
		if err != nil {
			return nil, err
		}
		list.Manifests = append(list.Manifests, d)
	}
	top, err := l.json(typeIndex, list)
	if err != nil {
		return nil, err
	}
	top.Annotations = map[string]string{"org.opencontainers.image.ref.name": v.number}
	entry, err := json.Marshal(index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{top}})
	if err != nil {
		return nil, err
	}
	return l.tar(entry, v.when)
}

// layout gathers the blobs of an image.
type layout struct{ blobs []entry }

// blob stores data under its digest.
func (l *layout) blob(mediaType string, data []byte) descriptor {
	name := fmt.Sprintf("blobs/sha256/%x", sha256.Sum256(data))
	l.blobs = append(l.blobs, entry{name: name, mode: 0o644, data: data})
	return descriptor{MediaType: mediaType, Digest: digest(data), Size: len(data)}
}

func (l *layout) json(mediaType string, v any) (descriptor, error) {
	data, err := json.Marshal(v)
	return l.blob(mediaType, data), err
}

// platform stores one platform's layer, configuration and manifest.
func (l *layout) platform(p product, v version) (descriptor, error) {
	plain, err := tarball(p.rootFS(), v.when)
	if err != nil {
		return descriptor{}, err
	}
	layer, err := gzipped(plain)
	if err != nil {
		return descriptor{}, err
	}
	c := config{Created: v.when, platform: platform{p.arch, p.os}}
	c.Config.User = fmt.Sprintf("%d:%d", nobody, nobody)
	c.Config.Env = []string{"PATH=/usr/bin", "HOME=/data", "EMBLEM_DATA=/data"}
	c.Config.Entrypoint = []string{"/usr/bin/emblem"}
	c.Config.WorkingDir = "/data"
	c.Config.Volumes = map[string]struct{}{"/data": {}}
	c.Config.Labels = v.labels()
	c.RootFS.Type = "layers"
	c.RootFS.DiffIDs = []string{digest(plain)}
	conf, err := l.json(typeConfig, c)
	if err != nil {
		return descriptor{}, err
	}
	d, err := l.json(typeManifest, manifest{2, typeManifest, conf, []descriptor{l.blob(typeLayer, layer)}, v.labels()})
	d.Platform = &c.platform
	return d, err
}

// rootFS is everything that the container sees.
func (p product) rootFS() []entry {
	account := fmt.Sprintf("emblem:x:%d:%d::/data:/sbin/nologin\n", nobody, nobody)
	group := fmt.Sprintf("emblem:x:%d:\n", nobody)
	files := []entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/passwd", mode: 0o644, data: []byte(account)},
		{name: "etc/group", mode: 0o644, data: []byte(group)},
		{name: "usr/", mode: 0o755},
		{name: "usr/bin/", mode: 0o755},
		{name: "usr/bin/emblem", mode: 0o755, data: p.program},
		{name: "usr/share/", mode: 0o755},
		{name: "usr/share/doc/", mode: 0o755},
		{name: "usr/share/doc/emblem/", mode: 0o755},
	}
	files = append(files, below("usr/share/doc/emblem", p.docs)...)
	return append(files, entry{name: "data/", mode: 0o750, uid: nobody}, entry{name: "tmp/", mode: 0o1777})
}

// labels are the annotations that registries show.
func (v version) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "emblem",
		"org.opencontainers.image.version":  v.number,
		"org.opencontainers.image.revision": v.commit,
		"org.opencontainers.image.created":  v.when.Format(time.RFC3339),
		"org.opencontainers.image.source":   "https://github.com/emblem-search/emblem",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}

// tar lays the blobs out behind the layout's two fixed files.
func (l *layout) tar(index []byte, when time.Time) ([]byte, error) {
	entries := []entry{
		{name: "oci-layout", mode: 0o644, data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", mode: 0o644, data: index},
		{name: "blobs/", mode: 0o755},
		{name: "blobs/sha256/", mode: 0o755},
	}
	seen := map[string]bool{}
	for _, b := range l.blobs {
		if !seen[b.name] {
			seen[b.name] = true
			entries = append(entries, b)
		}
	}
	return tarball(entries, when)
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
