package main

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"time"
)

// deb packs the program for Debian and its kin. A package is an ar archive of
// three members (deb(5)): the format's version, control.tar.gz and data.tar.gz.
func (p product) deb(v version) ([]byte, error) {
	files := append([]entry{{name: "usr/bin/emblem", mode: 0o755, data: p.program}},
		below("usr/share/doc/emblem", p.debianDocs())...)
	data, err := gzippedTar(folders(files), v.when)
	if err != nil {
		return nil, err
	}
	control, err := gzippedTar([]entry{
		{name: "./", mode: 0o755},
		{name: "./control", mode: 0o644, data: p.control(v, files)},
		{name: "./md5sums", mode: 0o644, data: md5sums(files)},
	}, v.when)
	if err != nil {
		return nil, err
	}
	return ar(v.when, artefact{"debian-binary", []byte("2.0\n")}, artefact{"control.tar.gz", control},
		artefact{"data.tar.gz", data}), nil
}

// debianDocs are the documents under the names that Debian gives them.
func (p product) debianDocs() []entry {
	names := map[string]string{"LICENSE": "copyright"}
	var out []entry
	for _, e := range p.docs {
		if name, ok := names[e.name]; ok {
			e.name = name
		}
		out = append(out, e)
	}
	return out
}

func (p product) control(v version, files []entry) []byte {
	size := 0
	for _, f := range files {
		size += len(f.data)
	}
	return fmt.Appendf(nil, `Package: emblem
Version: %s
Architecture: %s
Maintainer: The emblem authors <emblem-search@users.noreply.github.com>
Installed-Size: %d
Section: graphics
Priority: optional
Homepage: https://github.com/emblem-search/emblem
Description: search pictures by meaning
 Emblem finds pictures by words or by another picture. It is one static binary
 with its own kernels; pictures stay where they are and on this machine.
`, v.debian(), p.arch, (size+1023)/1024)
}

// md5sums lists the files as debsums reads them.
func md5sums(files []entry) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%x  %s\n", md5.Sum(f.data), f.name)
	}
	return b.Bytes()
}

// folders puts the files below "./", each after the folders that lead to it.
func folders(files []entry) []entry {
	var out []entry
	made := map[string]bool{}
	for _, f := range files {
		f.name = "./" + f.name
		for i, c := range f.name {
			if dir := f.name[:i+1]; c == '/' && !made[dir] {
				made[dir] = true
				out = append(out, entry{name: dir, mode: 0o755})
			}
		}
		out = append(out, f)
	}
	return out
}

func gzippedTar(entries []entry, when time.Time) ([]byte, error) {
	data, err := tarball(entries, when)
	if err != nil {
		return nil, err
	}
	return gzipped(data)
}

// ar is the common archive format: a 60-byte header before each member, members
// at even offsets.
func ar(when time.Time, members ...artefact) []byte {
	b := bytes.NewBufferString("!<arch>\n")
	for _, m := range members {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, when.Unix(), 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
