package text

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// transformers 5 does not simply read tokenizer.json: a folder names a class, and most classes build their own
// pipeline around the file's vocabulary. This file holds those classes, as the pipeline each of them builds.

// tokenizerClass is how one class of transformers builds its tokenizer.
type tokenizerClass struct {
	model    string            // the model it wants
	special  map[string]string // special tokens it names by default
	pipeline func(b *folderBuild)
	around   []string // special tokens around a text, "" for the text; nil: as the file or add_bos_token say
	post     func(t *Tokenizer)
}

var bertSpecial = map[string]string{"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}

var tokenizerClasses = map[string]*tokenizerClass{
	"CLIPTokenizer": {model: "BPE", pipeline: clipPipeline, around: []string{"bos", "", "eos"},
		special: map[string]string{"unk": "<|endoftext|>", "bos": "<|startoftext|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"},
		post:    func(t *Tokenizer) { t.wordSuffix = "</w>" }},
	"GPT2Tokenizer": {model: "BPE", pipeline: gpt2Pipeline,
		special: map[string]string{"unk": "<|endoftext|>", "bos": "<|endoftext|>", "eos": "<|endoftext|>"}},
	"RobertaTokenizer": {model: "BPE", pipeline: gpt2Pipeline, around: []string{"cls", "", "sep"},
		special: map[string]string{"bos": "<s>", "eos": "</s>", "sep": "</s>", "cls": "<s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}},
	"BertTokenizer": {model: "WordPiece", pipeline: bertPipeline, around: []string{"cls", "", "sep"}, special: bertSpecial},
	"T5Tokenizer": {model: "Unigram", pipeline: t5Pipeline, around: []string{"", "eos"},
		special: map[string]string{"eos": "</s>", "unk": "<unk>", "pad": "<pad>"}},
	"XLMRobertaTokenizer": {model: "Unigram", pipeline: xlmrPipeline, around: []string{"bos", "", "eos"},
		special: map[string]string{"bos": "<s>", "eos": "</s>", "sep": "</s>", "cls": "<s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}},
	"LlamaTokenizer": {model: "BPE", pipeline: llamaPipeline, special: map[string]string{"unk": "<unk>", "bos": "<s>", "eos": "</s>"}},
	"GemmaTokenizer": {model: "BPE", pipeline: gemmaPipeline, special: gemmaSpecial},
	"Siglip2Tokenizer": {model: "BPE", special: gemmaSpecial, pipeline: func(b *folderBuild) {
		gemmaPipeline(b)
		b.file.Normalizer = literal(`{"type":"Sequence","normalizers":[{"type":"Lowercase"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}`)
	}},
	"Qwen2Tokenizer": {model: "BPE", pipeline: qwen2Pipeline,
		special: map[string]string{"unk": "<|endoftext|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"}},
}

var gemmaSpecial = map[string]string{"unk": "<unk>", "bos": "<bos>", "eos": "<eos>", "pad": "<pad>", "mask": "<mask>"}

// Classes that are another one under an older name.
var classAliases = map[string]string{
	"BartTokenizer": "RobertaTokenizer", "LongformerTokenizer": "RobertaTokenizer", "DistilBertTokenizer": "BertTokenizer",
	"ElectraTokenizer": "BertTokenizer", "LlamaTokenizerFast": "LlamaTokenizer", "CodeGenTokenizer": "GPT2Tokenizer",
	"PreTrainedTokenizerFast": "TokenizersBackend", "PreTrainedTokenizer": "TokenizersBackend",
}

// modelClasses is the class that transformers registers for a model_type; an absent type has none.
var modelClasses = func() map[string]string {
	m := map[string]string{}
	for class, types := range map[string]string{
		"CLIPTokenizer":       "aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit sam3 xclip",
		"BertTokenizer":       "align bert blip bros chinese_clip convbert distilbert electra ernie flava git grounding-dino layoutlm mm-grounding-dino nomic_bert squeezebert tvp vilt visual_bert",
		"RobertaTokenizer":    "bart bridgetower clap data2vec-text lilt longformer roberta roberta-prelayernorm",
		"GPT2Tokenizer":       "blip-2 codegen gpt2 gpt_neo gptj instructblip opt phi starcoder2",
		"T5Tokenizer":         "t5 mt5 switch_transformers",
		"XLMRobertaTokenizer": "jina_embeddings_v3 metaclip_2 trocr xlm-roberta xmod",
		"LlamaTokenizer":      "idefics idefics2",
		"GemmaTokenizer":      "gemma gemma2 gemma3 gemma3_text gemma3n shieldgemma2 t5gemma",
		"Qwen2Tokenizer":      "qwen2 qwen2_vl qwen2_5_vl qwen2_moe qwen3 qwen3_moe qwen3_vl internvl",
		"SiglipTokenizer":     "siglip",
		"Siglip2Tokenizer":    "siglip2",
		"TokenizersBackend":   "aria glm glm4 granite kosmos-2 modernbert olmo2 phi3 smolvlm llava llava_next janus chameleon paligemma_none vision-encoder-decoder molmo vipllava",
	} {
		for _, t := range strings.Fields(types) {
			m[t] = class
		}
	}
	return m
}()

// Model types whose published folders name the wrong class; the registered one is taken instead.
var wrongClass = []string{"qwen2", "llava", "llava_next", "smolvlm", "janus", "chameleon", "phi3", "modernbert", "vipllava", "molmo", "vision-encoder-decoder"}

// pickClass follows AutoTokenizer: named is the folder's own class ("" none), modelType its config's model_type.
func pickClass(named, modelType string) string {
	named = canonicalClass(named)
	registered := modelClasses[modelType]
	switch {
	case named == "":
		return registered
	case registered == "" || registered == named:
		return named
	case registered == "TokenizersBackend":
		return registered
	case slices.Contains(wrongClass, modelType):
		return registered
	}
	return named
}

func canonicalClass(name string) string {
	if alias, ok := classAliases[name]; ok {
		return alias
	}
	name = strings.TrimSuffix(name, "Fast")
	if alias, ok := classAliases[name]; ok {
		return alias
	}
	return name
}

const clipSplit = `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`

func clipPipeline(b *folderBuild) {
	b.spec.suffix, b.spec.unk = "</w>", b.special["unk"].Content
	b.file.Normalizer = literal(`{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Lowercase"}]}`)
	b.file.PreTokenizer = literal(fmt.Sprintf(`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":%s},"behavior":"Removed","invert":true},{"type":"ByteLevel","add_prefix_space":false}]}`, quote(clipSplit)))
	b.file.Decoder = literal(`{"type":"ByteLevel"}`)
}

func quote(s string) string {
	q, _ := json.Marshal(s) // a string always has a JSON form
	return string(q)
}

func gpt2Pipeline(b *folderBuild) {
	b.file.PreTokenizer = literal(fmt.Sprintf(`{"type":"ByteLevel","add_prefix_space":%t}`, b.config.flag("add_prefix_space", false)))
	b.file.Decoder = literal(`{"type":"ByteLevel"}`)
}

const qwen2Split = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

func qwen2Pipeline(b *folderBuild) {
	b.file.Normalizer = literal(`{"type":"NFC"}`)
	b.file.PreTokenizer = literal(fmt.Sprintf(`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":%s},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":%t,"use_regex":false}]}`,
		quote(qwen2Split), b.config.flag("add_prefix_space", false)))
	b.file.Decoder = literal(`{"type":"ByteLevel"}`)
}

func bertPipeline(b *folderBuild) {
	b.spec.unk, b.spec.prefix, b.spec.maxChars = b.special["unk"].Content, "##", 100
	strip := "null"
	if _, ok := b.config["strip_accents"]; ok {
		strip = string(b.config["strip_accents"])
	}
	b.file.Normalizer = literal(fmt.Sprintf(`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":%t,"strip_accents":%s,"lowercase":%t}`,
		b.config.flag("tokenize_chinese_chars", true), strip, b.config.flag("do_lower_case", true)))
	b.file.PreTokenizer = literal(`{"type":"BertPreTokenizer"}`)
	b.file.Decoder = literal(`{"type":"WordPiece","prefix":"##","cleanup":true}`)
}

// wordsPipeline is T5's and XLM-R's: words by white space, each with its marker.
func wordsPipeline(b *folderBuild, scheme string) {
	b.file.Normalizer = b.charsmap
	b.file.PreTokenizer = literal(fmt.Sprintf(`{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":%q}]}`, scheme))
	b.file.Decoder = literal(fmt.Sprintf(`{"type":"Metaspace","replacement":"▁","prepend_scheme":%q}`, scheme))
}

func t5Pipeline(b *folderBuild) {
	b.spec.unkID = 2
	wordsPipeline(b, "always")
}

func xlmrPipeline(b *folderBuild) {
	b.spec.unkID = 3
	if b.config.flag("add_prefix_space", true) {
		wordsPipeline(b, "always")
	} else {
		wordsPipeline(b, "never")
	}
}

func llamaPipeline(b *folderBuild) {
	b.spec.fuseUnk, b.spec.byteFallback = true, true
	scheme, strip := "never", ""
	if b.config.flag("add_prefix_space", true) {
		scheme, strip = "first", `,{"type":"Strip","content":" ","start":1,"stop":0}`
		if b.config.flag("legacy", false) {
			scheme = "always"
		}
	}
	b.file.PreTokenizer = literal(fmt.Sprintf(`{"type":"Metaspace","replacement":"▁","prepend_scheme":%q,"split":false}`, scheme))
	b.file.Decoder = literal(`{"type":"Sequence","decoders":[` + spaceDecoders + strip + `]}`)
}

const spaceDecoders = `{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}`

func gemmaPipeline(b *folderBuild) {
	b.spec.fuseUnk, b.spec.byteFallback, b.spec.unk = true, true, b.special["unk"].Content
	b.file.Normalizer = literal(`{"type":"Replace","pattern":{"String":" "},"content":"▁"}`)
	b.file.PreTokenizer = literal(`{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}`)
	b.file.Decoder = literal(`{"type":"Sequence","decoders":[` + spaceDecoders + `]}`)
}
