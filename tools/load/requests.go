package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// maker makes requests, no two alike.
type maker struct {
	options
	base  string
	files [][]byte // JPEG
	count atomic.Uint64

	spread func() *space // of fill, made when it is asked for
}

// request is what is sent and what is expected.
type request struct {
	path    string
	body    string
	hostile bool
}

// words are what texts are made of; they say little, but no two texts are alike.
var words = strings.Fields(`red green blue yellow small large round old new happy wooden bright cat dog bird horse house tree car boat flower
	mountain river street person child ball table chair book lamp cloud sun moon star left right above below near behind with and on under`)

// next makes a request.
func (m *maker) next() request {
	n := m.count.Add(1)
	if m.Hostile > 0 && rand.Float64() < m.Hostile {
		return m.hostile(n)
	}
	kind := m.Kind
	if kind == "mixed" {
		kind = []string{"picture", "text", "text", "search"}[rand.IntN(4)]
	}
	switch kind {
	case "search":
		return m.search()
	case "text":
		return m.embed(m.many(m.text))
	case "fill":
		return m.documents(n)
	}
	return m.embed(m.many(m.picture))
}

func (m *maker) many(one func() string) []string {
	list := make([]string, m.Inputs)
	for i := range list {
		list[i] = one()
	}
	return list
}

// text is eight words.
func (m *maker) text() string {
	var list [8]string
	for i := range list {
		list[i] = words[rand.IntN(len(words))]
	}
	return strings.Join(list[:], " ")
}

// picture is a data URL of a JPEG that was never sent before.
func (m *maker) picture() string {
	file := unlike(m.files[rand.IntN(len(m.files))], m.count.Add(1))
	return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(file)
}

// unlike is a JPEG file with a number in a comment behind its first marker.
func unlike(file []byte, n uint64) []byte {
	out := make([]byte, 0, len(file)+12)
	out = append(out, file[:2]...)
	out = append(out, 0xff, 0xfe, 0, 10)
	out = binary.BigEndian.AppendUint64(out, n)
	return append(out, file[2:]...)
}

func (m *maker) embed(inputs []string) request {
	return m.json("/v1/embeddings", map[string]any{"model": m.Model, "input": inputs, "encoding_format": "base64"})
}

func (m *maker) search() request {
	return m.json("/v1/libraries/"+m.Library+"/search", map[string]any{"query": m.text(), "limit": 10})
}

// fillBatch is how many documents a request of fill carries.
const fillBatch = 200

// documents have vectors that are spread as those of pictures are.
func (m *maker) documents(n uint64) request {
	docs := make([]any, fillBatch)
	for i := range docs {
		docs[i] = map[string]any{"id": fmt.Sprintf("load-%d-%d", n, i), "vectors": map[string]any{"image": []any{m.spread().picture()}}}
	}
	return m.json("/v1/libraries/"+m.Library+"/documents", map[string]any{"documents": docs})
}

func (m *maker) json(path string, body any) request {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // only strings and numbers
	}
	return request{path: path, body: string(raw)}
}

// hostile is a request that is broken or means harm; it has to be refused.
func (m *maker) hostile(n uint64) request {
	url := func(file []byte) string { return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(file) }
	var r request
	switch n % 6 {
	case 0:
		r = request{path: "/v1/embeddings", body: `{"input":` + strings.Repeat("[", 50_000)}
	case 1:
		r = m.embed([]string{url(binary.BigEndian.AppendUint64(nil, n))})
	case 2:
		r = m.embed([]string{"data:image/png;base64," + base64.StdEncoding.EncodeToString(bomb(n))})
	case 3:
		r = request{path: "/v1/embeddings", body: `{"input":[` + strings.Repeat(`"",`, 100_000) + `""]}`}
	case 4:
		r = m.json("/v1/libraries/"+m.Library+"/search", map[string]any{"query": m.text(), "limit": 1e9})
	case 5:
		r = m.embed([]string{url(binary.BigEndian.AppendUint64([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 10}, n))})
	}
	r.hostile = true
	return r
}

// bomb is a PNG header of 60,000 by 60,000 pixels.
func bomb(n uint64) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(b, 60_000)
	b = binary.BigEndian.AppendUint32(b, 60_000)
	b = append(b, 8, 2, 0, 0, 0)
	return binary.BigEndian.AppendUint64(b, n)
}

// readJPEGs reads the JPEG files of a folder.
func readJPEGs(dir string) (files [][]byte, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no .jpg in the folder %q; give one with -pictures", dir)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if len(file) < 4 || file[0] != 0xff || file[1] != 0xd8 {
			return nil, fmt.Errorf("%s is no JPEG", name)
		}
		files = append(files, file)
	}
	return files, err
}
