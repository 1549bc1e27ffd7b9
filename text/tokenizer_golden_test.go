package text

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const goldenDir = "testdata/tokenizer"

func readGolden(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(goldenBytes(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func goldenBytes(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

func crcIDs(ids []int32) uint32 {
	b := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return crc32.ChecksumIEEE(b)
}

func crcText(s string) uint32 { return crc32.ChecksumIEEE([]byte(s)) }

// idList is a list of ids, or its length and checksum.
type idList struct {
	list   []int32
	n      int
	crc    uint32
	listed bool
}

func (l *idList) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		l.listed = true
		return json.Unmarshal(b, &l.list)
	}
	var f struct {
		N   int
		CRC uint32
	}
	err := json.Unmarshal(b, &f)
	l.n, l.crc = f.N, f.CRC
	return err
}

func (l *idList) equal(ids []int32) bool {
	if l.listed {
		return slices.Equal(l.list, ids)
	}
	return l.n == len(ids) && l.crc == crcIDs(ids)
}

// kindRow is [ids, crc without special tokens, crc when cut, crc decoded, crc decoded without special tokens].
type kindRow struct {
	ids        idList
	plain, cut uint32
	decoded    []uint32
}

func (r *kindRow) UnmarshalJSON(b []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw[0], &r.ids); err != nil {
		return err
	}
	nums := make([]uint32, len(raw)-1)
	for i := range nums {
		if err := json.Unmarshal(raw[i+1], &nums[i]); err != nil {
			return err
		}
	}
	r.plain, r.cut, r.decoded = nums[0], nums[1], nums[2:]
	return nil
}

type goldenKind struct {
	Files map[string]string
	Class string
	Rows  []kindRow
	Max   int
	Size  int
}

func (k *goldenKind) folder(t testing.TB) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, file := range k.Files {
		fsys[name] = &fstest.MapFile{Data: goldenBytes(t, "files/"+file)}
	}
	return fsys
}

func goldenKinds(t testing.TB) map[string]*goldenKind {
	var kinds map[string]*goldenKind
	readGolden(t, "kinds.json.gz", &kinds)
	return kinds
}

func goldenCorpus(t testing.TB) []string {
	var corpus []string
	readGolden(t, "corpus.json", &corpus)
	return corpus
}

// Every kind of tokenizer gives transformers' ids for the whole corpus, whole, without special tokens and cut, and
// decodes them to transformers' text.
func TestTokenizerGoldens(t *testing.T) {
	corpus := goldenCorpus(t)
	for name, k := range goldenKinds(t) {
		t.Run(name, func(t *testing.T) {
			tok, err := LoadTokenizerFS(k.folder(t), TokenizerOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if tok.VocabSize() != k.Size {
				t.Errorf("%d tokens, want %d", tok.VocabSize(), k.Size)
			}
			if err := tok.SelfTest(); err != nil {
				t.Error(err)
			}
			bad := 0
			for i, s := range corpus {
				if bad < 4 && !k.Rows[i].check(t, tok, s, k.Max) {
					bad++
				}
			}
		})
	}
}

func (r *kindRow) check(t *testing.T, tok *Tokenizer, s string, limit int) bool {
	t.Helper()
	ids := tok.Encode(s, true)
	if !r.ids.equal(ids) {
		t.Errorf("%.120q: ids %v, want %v (%d)", s, clip(ids), clip(r.ids.list), r.ids.n)
		return false
	}
	if plain := tok.Encode(s, false); crcIDs(plain) != r.plain {
		t.Errorf("%.120q: other ids without special tokens: %v", s, clip(plain))
		return false
	}
	cut, truncated := tok.EncodeCut(s, Cut{Max: limit, KeepEnd: true})
	if crcIDs(cut) != r.cut || truncated != (len(ids) > limit) {
		t.Errorf("%.120q: cut to %v, truncated %v", s, cut, truncated)
		return false
	}
	for i, want := range r.decoded {
		if got := tok.Decode(ids, i == 1); crcText(got) != want {
			t.Errorf("%.120q: decoded to %.200q (skip special: %v)", s, got, i == 1)
			return false
		}
	}
	return true
}

func clip(ids []int32) []int32 { return ids[:min(len(ids), 60)] }

// Every component equals the tokenizers library's on the whole corpus.
func TestComponentGoldens(t *testing.T) {
	corpus := goldenCorpus(t)
	var g struct {
		Parts []struct {
			Kind string
			JSON component
			Out  []uint32
		}
		Tokens [][]string
	}
	readGolden(t, "parts.json.gz", &g)
	for _, p := range g.Parts {
		left := maxComponents
		run := func(i int) string { return "" }
		switch p.Kind {
		case "normalizer":
			n, err := buildNormalizer(&p.JSON, &left)
			if err != nil {
				t.Fatal(err)
			}
			run = func(i int) string { head := true; return n.normalize(corpus[i], &head) }
		case "pre_tokenizer":
			pre, err := buildPreTokenizer(&p.JSON, &left)
			if err != nil {
				t.Fatal(err)
			}
			run = func(i int) string {
				var words []string
				for _, w := range preTokenize(pre, []piece{{corpus[i], notToken, true}}) {
					words = append(words, w.text)
				}
				return strings.Join(words, "\x00")
			}
		case "decoder":
			d, err := buildDecoder(&p.JSON, &left)
			if err != nil {
				t.Fatal(err)
			}
			run = func(i int) string { return strings.Join(d(slices.Clone(g.Tokens[i])), "") }
		}
		for i, want := range p.Out {
			if got := run(i); crcText(got) != want {
				t.Errorf("%s %s: string %d becomes %.200q", p.Kind, p.JSON.raw, i, got)
				break
			}
		}
	}
}

// Cleaning equals ftfy's, Python's and open_clip's.
func TestCleanGoldens(t *testing.T) {
	var rows [][]any
	readGolden(t, "clean.json.gz", &rows)
	steps := []struct {
		name string
		f    func(string) string
	}{{"fix_text", fixText}, {"unescape", unescapeHTML}, {"lower", CleanOpenCLIP.apply}, {"canonicalize", CleanCanonicalize.apply}}
	wrong := map[string]int{}
	for _, row := range rows {
		s := row[0].(string)
		for i, step := range steps {
			if got := step.f(s); float64(crcText(got)) != row[i+1].(float64) {
				if wrong[step.name]++; wrong[step.name] < 6 {
					t.Errorf("%s(%q) = %q", step.name, s, got)
				}
			}
		}
	}
	t.Logf("%d texts, wrong: %v", len(rows), wrong)
}

// Every code point is in the classes and has the mappings that it has in the libraries.
func TestUnicodeTables(t *testing.T) {
	var g struct {
		Sets map[string][][2]rune
		Maps map[string]uint32
	}
	readGolden(t, "unicode.json.gz", &g)
	own := map[string]func(rune) bool{"punct": isPunct, "numeric": isNumeric, "space": isSpace, "mn": isNonspacing,
		"marks": markSet.has, "clean": func(r rune) bool { var b strings.Builder; cleanBert(&b, r); return b.Len() == 0 }}
	for name, ranges := range g.Sets {
		has := own[name]
		if has == nil && !strings.HasPrefix(name, "regex ") {
			has = mustPattern(name).inst[0].set.has
		}
		if has == nil {
			continue
		}
		want := newRuneSet(slices.Concat(flat(ranges)...))
		for r := rune(0); r <= 0x10FFFF; r++ {
			if (r < 0xD800 || r > 0xDFFF) && has(r) != want.has(r) {
				t.Errorf("%s: U+%04X is %v, want %v", name, r, has(r), want.has(r))
				break
			}
		}
	}
	for name, c := range map[string]string{"lower": `{"type":"Lowercase"}`, "nfc": `{"type":"NFC"}`, "nfkc": `{"type":"NFKC"}`, "nfkd": `{"type":"NFKD"}`} {
		left := maxComponents
		n, err := buildNormalizer(literal(c), &left)
		if err != nil {
			t.Fatal(err)
		}
		sum := crc32.NewIEEE()
		for r := rune(0); r <= 0x10FFFF; r++ {
			if r < 0xD800 || r > 0xDFFF {
				head := true
				io.WriteString(sum, n.normalize(string(r), &head)+"\x00")
			}
		}
		if sum.Sum32() != g.Maps[name] {
			t.Errorf("%s maps some code point differently", name)
		}
	}
}

func flat(ranges [][2]rune) [][]rune {
	out := make([][]rune, len(ranges))
	for i, r := range ranges {
		out[i] = r[:]
	}
	return out
}

// Bytes that are not UTF-8 become what Python makes of them.
func TestInvalidUTF8(t *testing.T) {
	var rows [][2]string
	readGolden(t, "bytes.json", &rows)
	for _, row := range rows {
		b, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := validUTF8(string(b)); got != row[1] {
			t.Errorf("%x: %q, want %q", b, got, row[1])
		}
	}
}

// With OpenCLIP's cleaning a CLIP folder gives the ids of open_clip's SimpleTokenizer.
func TestOpenCLIPGoldens(t *testing.T) {
	tok, err := LoadTokenizerFS(goldenKinds(t)["clip-files"].folder(t), TokenizerOptions{Clean: CleanOpenCLIP})
	if err != nil {
		t.Fatal(err)
	}
	var rows [][2]json.RawMessage
	readGolden(t, "openclip.json.gz", &rows)
	for _, row := range rows {
		var s string
		var want idList
		if json.Unmarshal(row[0], &s) != nil || json.Unmarshal(row[1], &want) != nil {
			t.Fatal("broken golden")
		}
		if got := tok.Encode(s, true); !want.equal(got) {
			t.Errorf("%.120q: ids %v, want %v (%d)", s, clip(got), clip(want.list), want.n)
		}
	}
}
