package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"strings"
	"time"
)

// entry is a file of an archive; a name that ends in a slash is a folder.
type entry struct {
	name string
	mode int64
	data []byte
	uid  int // owner and group
}

// below puts the entries into a folder.
func below(dir string, entries []entry) []entry {
	out := make([]entry, len(entries))
	for i, e := range entries {
		e.name = path.Join(dir, e.name)
		out[i] = e
	}
	return out
}

// archive packs the program and its documents as the platform's people expect:
// a zip for Windows, else a tar.gz.
func (p product) archive(v version) (name string, data []byte, err error) {
	stem := fmt.Sprintf("emblem_%s_%s_%s", v.number, p.os, p.arch)
	entries := below(stem, append([]entry{{name: p.binary(), mode: 0o755, data: p.program}}, p.docs...))
	if p.os == "windows" {
		data, err = zipped(entries, v.when)
		return stem + ".zip", data, err
	}
	data, err = tarball(entries, v.when)
	if err == nil {
		data, err = gzipped(data)
	}
	return stem + ".tar.gz", data, err
}

// tarball is a tar of the entries in their order, all of one time.
func tarball(entries []entry, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)),
			ModTime: when, Uid: e.uid, Gid: e.uid, Format: tar.FormatUSTAR}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func zipped(entries []entry, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: when})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
