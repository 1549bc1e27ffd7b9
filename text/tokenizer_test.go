package text

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func folderOf(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return fsys
}

const tinyBPE = `"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}`

// What is not supported is refused by its name; broken files say what is wrong.
func TestLoadTokenizerRefuses(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{}, "tokenizer.json is missing"},
		{map[string]string{"tokenizer.json": `{"normalizer":{"type":"Foo"},` + tinyBPE + `}`}, `text: tokenizer.json: normalizer "Foo" is not supported`},
		{map[string]string{"tokenizer.json": `{"pre_tokenizer":{"type":"UnicodeScripts"},` + tinyBPE + `}`}, `pre_tokenizer "UnicodeScripts" is not supported`},
		{map[string]string{"tokenizer.json": `{"decoder":{"type":"CTC"},` + tinyBPE + `}`}, `decoder "CTC" is not supported`},
		{map[string]string{"tokenizer.json": `{"post_processor":{"type":"Bar"},` + tinyBPE + `}`}, `post_processor "Bar" is not supported`},
		{map[string]string{"tokenizer.json": `{"model":{"type":"Baz","vocab":{}}}`}, `model "Baz" is not supported`},
		{map[string]string{"tokenizer.json": `{"version":"2.0",` + tinyBPE + `}`}, `version "2.0" is not supported`},
		{map[string]string{"tokenizer.json": `{`}, `tokenizer.json: unexpected end of JSON`},
		{map[string]string{"tokenizer.json": `{}`}, `the model section is missing`},
		{map[string]string{"tokenizer.json": `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`}, `not in the vocabulary`},
		{map[string]string{"tokenizer.json": `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}`}, `not two tokens`},
		{map[string]string{"tokenizer.json": `{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`}, `has the id -1`},
		{map[string]string{"tokenizer.json": `{"model":{"type":"BPE","dropout":0.1,"vocab":{"a":0},"merges":[]}}`}, `dropout`},
		{map[string]string{"tokenizer.json": `{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a)\\1"},"behavior":"Isolated","invert":false},` + tinyBPE + `}`}, `back-references`},
		{map[string]string{"tokenizer_config.json": `{"tokenizer_class":"CLIPTokenizer"}`, "tokenizer.json": `{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Foo"}]},` + tinyBPE + `}`}, `tokenizer.json: normalizer "Foo" is not supported`},
		{map[string]string{"tokenizer_config.json": `{"tokenizer_class":"CLIPTokenizer"}`, "tokenizer.json": `{"decoder":{"type":"Sequence"},` + tinyBPE + `}`}, `decoder: decoders: `},
		{map[string]string{"vocab.json": `{"a":0}`}, `merges.txt is missing`},
		{map[string]string{"spiece.model": "\xff\xff"}, `not a SentencePiece model`},
		{map[string]string{"tokenizer_config.json": `{"tokenizer_class":"MarianTokenizer"}`, "vocab.json": `{"a":0}`, "merges.txt": ""}, `tokenizer class "MarianTokenizer" is not supported`},
	} {
		_, err := LoadTokenizerFS(folderOf(c.files), TokenizerOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.files, err, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	tok := loadKind(t, "clip-files")
	eos, _ := tok.EOS()
	bos, _ := tok.BOS()
	long := strings.Repeat("cat ", 100)
	ids, truncated := tok.EncodeCut(long, Cut{Max: 16, KeepEnd: true})
	if !truncated || len(ids) != 16 || ids[0] != bos || ids[15] != eos {
		t.Errorf("cut with the end kept: %v, %v", ids, truncated)
	}
	plain, truncated := tok.EncodeCut(long, Cut{Max: 16})
	if !truncated || !slices.Equal(plain, tok.Encode(long, true)[:16]) {
		t.Errorf("plain cut: %v, %v", plain, truncated)
	}
	for _, limit := range []int{0, 1000} {
		if all, truncated := tok.EncodeCut(long, Cut{Max: limit, KeepEnd: true}); truncated || !slices.Equal(all, tok.Encode(long, true)) {
			t.Errorf("limit %d cut: %v", limit, truncated)
		}
	}
	if ids, _ := tok.EncodeCut(long, Cut{Max: 1, KeepEnd: true}); len(ids) != 1 {
		t.Errorf("no room for the special tokens: %v", ids)
	}
	if tok.MaxLength() != 77 {
		t.Errorf("model_max_length %d", tok.MaxLength())
	}
}

func loadKind(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tok, err := LoadTokenizerFS(goldenKinds(t)[name].folder(t), TokenizerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// One tokenizer serves many goroutines and every one gets the same ids.
func TestTokenizerConcurrently(t *testing.T) {
	tok := loadKind(t, "clip-files")
	corpus := goldenCorpus(t)[:200]
	want := make([][]int32, len(corpus))
	for i, s := range corpus {
		want[i] = tok.Encode(s, true)
	}
	fresh := loadKind(t, "clip-files")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range corpus {
				j := (i*7 + g) % len(corpus)
				if !slices.Equal(fresh.Encode(corpus[j], true), want[j]) {
					t.Errorf("string %d: other ids", j)
				}
			}
		})
	}
	wg.Wait()
}

// Options clean and lower-case before the folder's pipeline.
func TestTokenizerOptions(t *testing.T) {
	k := goldenKinds(t)["gpt2"]
	plain, err := LoadTokenizerFS(k.folder(t), TokenizerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		opt       TokenizerOptions
		in, equal string
	}{
		{TokenizerOptions{Lower: true}, "ΟΔΟΣ İ Cat", "οδος i̇ cat"},
		{TokenizerOptions{Clean: CleanSigLIP}, "  A cat, a_DOG!  ", "a cat adog"},
		{TokenizerOptions{Clean: CleanCanonicalize}, "A_cat &amp; “dog”!", "a cat dog"},
		{TokenizerOptions{Clean: CleanWhitespace}, " A\u00a0cat\n&lt; cafÃ© ", "A cat < café"},
	} {
		tok, err := LoadTokenizerFS(k.folder(t), c.opt)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := tok.Encode(c.in, false), plain.Encode(c.equal, false); !slices.Equal(got, want) {
			t.Errorf("%v on %q: %q, want %q", c.opt, c.in, tok.Decode(got, false), c.equal)
		}
	}
	if _, err := ParseClean("nope"); err == nil {
		t.Error("an unknown cleaning was accepted")
	}
}

// Ten thousand characters of any kind are encoded without trouble.
func TestLongTexts(t *testing.T) {
	for _, name := range []string{"clip-files", "bert-uncased", "t5", "siglip", "llama-plain", "llama3", "unigram"} {
		tok := loadKind(t, name)
		for _, unit := range []string{"a", " ", "日", "😀", "\u0301", "-", "1", "<|endoftext|>", "<", "&amp;", "Σ", "\n ", "Ã©"} {
			s := strings.Repeat(unit, 10_000/len(unit)+1)
			if ids := tok.Encode(s, true); len(ids) < tok.SpecialCount() {
				t.Errorf("%s: %q: %d ids", name, unit, len(ids))
			}
		}
	}
	for _, unit := range []string{"Ã", "Ã©", "â€™ ", "&amp;", "&", "Σ", "\x1b["} {
		CleanOpenCLIP.apply(strings.Repeat(unit, 10_000/len(unit)))
	}
}

func FuzzTokenizerJSON(f *testing.F) {
	for _, name := range []string{"clip-json", "bert-json", "xlmr-json", "smolvlm", "unigram", "wordlevel", "llama3"} {
		data := goldenKinds(f)[name].folder(f)["tokenizer.json"].Data
		if len(data) < 1<<17 {
			f.Add(data)
		}
	}
	f.Add([]byte(`{` + tinyBPE + `}`))
	f.Add([]byte(`{"added_tokens":[{"id":5,"content":"x","special":true}],"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAA="},"model":{"type":"Unigram","unk_id":0,"vocab":[["u",0],["ab",-1.5]]}}`))
	f.Add([]byte(`{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"},"decoder":{"type":"Strip","content":"a","start":1,"stop":1},"model":{"type":"WordPiece","unk_token":"u","vocab":{"u":0,"##a":1},"continuing_subword_prefix":"##","max_input_chars_per_word":3}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := LoadTokenizerFS(folderOf(map[string]string{"tokenizer.json": string(data)}), TokenizerOptions{})
		if err != nil {
			return
		}
		exercise(tok, "ab a\xff <x> 日 \u0301▁")
	})
}

// exercise calls everything; it must not panic.
func exercise(tok *Tokenizer, s string) {
	ids := tok.Encode(s, true)
	tok.Decode(ids, true)
	tok.Decode(append(ids, -1, 1<<30), false)
	tok.EncodeCut(s, Cut{Max: 3, KeepEnd: true})
	_ = tok.SelfTest()
	tok.VocabSize()
}

func FuzzSentencePiece(f *testing.F) {
	f.Add([]byte("\x0a\x05\x0a\x03abc"), "T5Tokenizer")
	f.Add([]byte("\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02\x0a\x08\x0a\x01a\x15\x00\x00\x80\xbf\x12\x02\x18\x02\x1a\x04\x12\x02\x00\x00"), "LlamaTokenizer")
	f.Add([]byte("\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02\x0a\x07\x0a\x05</s>a"), "SiglipTokenizer")
	f.Fuzz(func(t *testing.T, data []byte, class string) {
		config, err := json.Marshal(map[string]string{"tokenizer_class": class})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := LoadTokenizerFS(folderOf(map[string]string{"spiece.model": string(data), "tokenizer_config.json": string(config)}), TokenizerOptions{})
		if err != nil {
			return
		}
		exercise(tok, "ab </s> a\xff▁日")
	})
}

func FuzzEncode(f *testing.F) {
	var toks []*Tokenizer
	for _, name := range []string{"clip-files", "bert-uncased", "siglip", "llama-class", "qwen2", "smolvlm", "unigram", "wordlevel"} {
		toks = append(toks, loadKind(f, name))
	}
	open, err := LoadTokenizerFS(goldenKinds(f)["clip-files"].folder(f), TokenizerOptions{Clean: CleanOpenCLIP})
	if err != nil {
		f.Fatal(err)
	}
	toks = append(toks, open)
	for _, s := range []string{"a photo", "\xff\xc3", "é\u0301 <image>", "schÃ¶n &amp; “x”", "</s>[SEP]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i, tok := range toks {
			ids := tok.Encode(s, true)
			if !slices.Equal(ids, tok.Encode(validUTF8(s), true)) {
				t.Fatalf("tokenizer %d: invalid bytes of %q count as something else than U+FFFD", i, s)
			}
			cut, truncated := tok.EncodeCut(s, Cut{Max: 8, KeepEnd: true})
			if len(cut) > 8 || truncated == slices.Equal(cut, ids) && len(ids) != 8 {
				t.Fatalf("tokenizer %d: %q cut to %v of %v", i, s, cut, ids)
			}
			for _, id := range ids {
				if _, ok := tok.Token(id); !ok {
					t.Fatalf("tokenizer %d: id %d is no token", i, id)
				}
			}
			tok.Decode(ids, true)
		}
	})
}

func ExampleLoadTokenizerFS() {
	folder := folderOf(map[string]string{
		"vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nphoto\n##s\n",
	})
	tok, err := LoadTokenizerFS(folder, TokenizerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := tok.Encode("A photos!", true)
	fmt.Println(ids, tok.Decode(ids, true))
	// Output: [2 5 6 7 1 3] a photos
}
