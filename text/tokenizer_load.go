package text

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
)

// TokenizerOptions changes what happens to a text before the folder's own pipeline. The zero value changes nothing.
type TokenizerOptions struct {
	Clean Clean // clean the text as a training code base did
	Lower bool  // lower-case the text first, as Python's str.lower
}

// LoadTokenizer reads the tokenizer of a model folder: tokenizer.json or, in older folders, vocab.json with merges.txt,
// vocab.txt, a SentencePiece model (spiece.model, sentencepiece.bpe.model, tokenizer.model), or CLIP's own
// bpe_simple_vocab_16e6.txt.gz, together with tokenizer_config.json, special_tokens_map.json and config.json. Ids are those of transformers' AutoTokenizer.
func LoadTokenizer(dir string, opt TokenizerOptions) (*Tokenizer, error) {
	return LoadTokenizerFS(os.DirFS(dir), opt)
}

// LoadTokenizerFS is LoadTokenizer for the root of a file system.
func LoadTokenizerFS(fsys fs.FS, opt TokenizerOptions) (*Tokenizer, error) {
	b := &folderBuild{fsys: fsys, opt: opt}
	t, err := b.load()
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	return t, nil
}

// folderBuild is one folder on its way to a Tokenizer.
type folderBuild struct {
	fsys      fs.FS
	opt       TokenizerOptions
	config    jsonFields // tokenizer_config.json
	class     string
	hasJSON   bool // the folder has tokenizer.json
	file      *tokenizerFile
	spec      *modelSpec
	charsmap  *component        // Precompiled, if the vocabulary came with one
	defaults  map[string]string // special tokens that the vocabulary file names
	special   map[string]addedToken
	extra     []addedToken
	decoder   map[int32]addedToken // added_tokens_decoder
	spmTokens []addedToken         // control and user-defined pieces
}

// jsonFields is a JSON object whose fields are decoded when asked for.
type jsonFields map[string]json.RawMessage

func (f jsonFields) flag(key string, absent bool) bool {
	v := absent
	if raw, ok := f[key]; ok && json.Unmarshal(raw, &v) != nil {
		return absent
	}
	return v
}

func (f jsonFields) text(key string) string {
	var s string
	if json.Unmarshal(f[key], &s) != nil {
		return ""
	}
	return s
}

// read returns a file's bytes, nil if it does not exist.
func (b *folderBuild) read(name string) ([]byte, error) {
	f, err := b.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTokenizerFile+1))
	if err == nil && len(data) > maxTokenizerFile {
		err = fmt.Errorf("%s is over the limit of %d MiB", name, maxTokenizerFile>>20)
	}
	return data, err
}

func (b *folderBuild) readJSON(name string, v any) (bool, error) {
	data, err := b.read(name)
	if err != nil || data == nil {
		return false, err
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")), v); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}

func (b *folderBuild) load() (*Tokenizer, error) {
	if err := b.readConfigs(); err != nil {
		return nil, err
	}
	if t, err := b.loadSiglip(); t != nil || err != nil {
		return t, err
	}
	source, err := b.readVocabulary()
	if err != nil {
		return nil, err
	}
	if err := b.readSpecial(); err != nil {
		return nil, err
	}
	t, err := b.assemble()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return t, nil
}

func (b *folderBuild) readConfigs() error {
	var config struct {
		ModelType      string `json:"model_type"`
		TokenizerClass string `json:"tokenizer_class"`
	}
	if _, err := b.readJSON("config.json", &config); err != nil {
		return err
	}
	if _, err := b.readJSON("tokenizer_config.json", &b.config); err != nil {
		return err
	}
	named := b.config.text("tokenizer_class")
	if named == "" {
		named = config.TokenizerClass
	}
	b.class = pickClass(named, config.ModelType)
	return nil
}

// readVocabulary fills file and spec from the first source there is and says which.
func (b *folderBuild) readVocabulary() (string, error) {
	data, err := b.read("tokenizer.json")
	if err != nil {
		return "", err
	}
	if data != nil {
		return "tokenizer.json", b.fromTokenizerJSON(data)
	}
	b.file = &tokenizerFile{}
	for _, s := range []struct {
		name string
		read func([]byte) error
	}{{"vocab.json", b.fromVocabJSON}, {"vocab.txt", b.fromVocabTxt}, {"spiece.model", b.fromSentencePiece},
		{"sentencepiece.bpe.model", b.fromSentencePiece}, {"tokenizer.model", b.fromSentencePiece}, {openAIVocabulary, b.fromOpenAI}} {
		data, err := b.read(s.name)
		if err != nil {
			return "", err
		}
		if data == nil {
			continue
		}
		if err := s.read(data); err != nil {
			return "", fmt.Errorf("%s: %w", s.name, err)
		}
		return s.name, nil
	}
	return "", errors.New("the folder has no tokenizer: tokenizer.json is missing, and so are vocab.json with merges.txt, vocab.txt and a SentencePiece model; copy tokenizer.json into the folder")
}

func (b *folderBuild) fromTokenizerJSON(data []byte) (err error) {
	b.hasJSON = true
	if b.file, err = parseTokenizerJSON(data); err == nil {
		b.spec, err = b.file.Model.spec()
	}
	if err != nil {
		return fmt.Errorf("tokenizer.json: %w", err)
	}
	b.charsmap = findCharsmap(b.file.Normalizer)
	return nil
}

// findCharsmap returns the Precompiled normalizer, alone or in a sequence.
func findCharsmap(c *component) *component {
	if c == nil || c.Type == "Precompiled" {
		return c
	}
	var list struct{ Normalizers []component }
	if c.Type != "Sequence" || c.into(&list) != nil {
		return nil
	}
	for i := range list.Normalizers {
		if list.Normalizers[i].Type == "Precompiled" {
			return &list.Normalizers[i]
		}
	}
	return nil
}

func (b *folderBuild) fromVocabJSON(data []byte) (err error) {
	b.spec = &modelSpec{kind: "BPE", unkID: -1}
	if b.spec.vocab, err = parseVocab(data); err != nil {
		return err
	}
	merges, err := b.read("merges.txt")
	if err == nil && merges == nil {
		err = errors.New("merges.txt is missing beside it")
	}
	if err != nil {
		return err
	}
	b.spec.merges, err = splitMerges(fileLines(merges))
	if b.class == "" || b.class == "TokenizersBackend" {
		b.class = "GPT2Tokenizer"
		if _, ok := b.spec.vocab["<|startoftext|>"]; ok {
			b.class = "CLIPTokenizer"
		} else if _, ok := b.spec.vocab["<s>"]; ok {
			b.class = "RobertaTokenizer"
		}
	}
	return err
}

// fileLines splits at line feeds, without an empty line after the last; a carriage return before one goes too.
func fileLines(data []byte) []string {
	s := strings.TrimSuffix(validUTF8(string(data)), "\n")
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

func (b *folderBuild) fromVocabTxt(data []byte) error {
	lines := fileLines(data)
	b.spec = &modelSpec{kind: "WordPiece", unkID: -1, vocab: make(map[string]int32, len(lines))}
	for i, l := range lines {
		b.spec.vocab[strings.TrimRightFunc(l, isSpace)] = int32(i)
	}
	if b.class == "" || b.class == "TokenizersBackend" {
		b.class = "BertTokenizer"
	}
	return checkVocab(b.spec.vocab)
}

// readSpecial collects the special and added tokens as from_pretrained does.
func (b *folderBuild) readSpecial() error {
	b.special, b.decoder = map[string]addedToken{}, map[int32]addedToken{}
	defaults := b.defaults
	if c := tokenizerClasses[b.class]; c != nil {
		defaults = c.special
	}
	for name, tok := range defaults {
		b.special[name] = addedToken{Content: tok, Special: true}
	}
	if err := b.takeSpecial(b.config); err != nil {
		return err
	}
	if raw, ok := b.config["added_tokens_decoder"]; ok {
		if err := b.takeDecoder(raw); err != nil {
			return err
		}
	} else if err := b.takeLegacy(); err != nil {
		return err
	}
	byContent := map[string]addedToken{}
	for _, id := range sortedIDs(b.decoder) {
		byContent[b.decoder[id].Content] = b.decoder[id]
	}
	for name, tok := range b.special {
		if full, ok := byContent[tok.Content]; ok {
			b.special[name] = full
		}
	}
	return nil
}

var specialNames = []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"}

// takeSpecial reads the *_token fields and the lists of further special tokens.
func (b *folderBuild) takeSpecial(f jsonFields) error {
	for _, name := range specialNames {
		raw, ok := f[name+"_token"]
		if !ok {
			continue
		}
		tok, err := parseToken(raw)
		if err != nil {
			return fmt.Errorf("%s_token: %w", name, err)
		}
		if tok.Content == "" {
			delete(b.special, name)
		} else {
			b.special[name] = tok
		}
	}
	for _, key := range []string{"additional_special_tokens", "extra_special_tokens"} {
		var list []json.RawMessage
		if json.Unmarshal(f[key], &list) != nil {
			var named map[string]json.RawMessage // a dictionary names tokens of this model only
			if json.Unmarshal(f[key], &named) != nil {
				continue
			}
			for _, k := range sortedKeys(named) {
				list = append(list, named[k])
			}
		}
		for _, raw := range list {
			tok, err := parseToken(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			b.extra = append(b.extra, tok)
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func sortedIDs[V any](m map[int32]V) []int32 {
	ids := make([]int32, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

// parseToken reads "<s>", null or {"content":"<s>", …}; the result is special unless an object says otherwise.
func parseToken(raw json.RawMessage) (addedToken, error) {
	var s *string
	if json.Unmarshal(raw, &s) == nil {
		if s == nil {
			return addedToken{}, nil
		}
		return addedToken{Content: *s, Special: true}, nil
	}
	tok := addedToken{Special: true}
	err := json.Unmarshal(raw, &tok)
	return tok, err
}

func (b *folderBuild) takeDecoder(raw json.RawMessage) error {
	var byID map[string]struct {
		addedToken
		Normalized *bool
	}
	if err := json.Unmarshal(raw, &byID); err != nil {
		return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
	}
	for key, t := range byID {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil || id < 0 {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %q is no id", key)
		}
		tok := t.addedToken
		tok.Normalized = !tok.Special
		set(&tok.Normalized, t.Normalized)
		b.decoder[int32(id)] = tok
	}
	return nil
}

// takeLegacy reads what folders had before added_tokens_decoder: special_tokens_map.json, added_tokens.json and
// tokenizer.json's own list.
func (b *folderBuild) takeLegacy() error {
	var m jsonFields
	if _, err := b.readJSON("special_tokens_map.json", &m); err != nil {
		return err
	}
	if m["additional_special_tokens"] != nil || m["extra_special_tokens"] != nil {
		b.extra = nil
	}
	if err := b.takeSpecial(m); err != nil {
		return fmt.Errorf("special_tokens_map.json: %w", err)
	}
	var added map[string]int32
	if _, err := b.readJSON("added_tokens.json", &added); err != nil {
		return err
	}
	for tok, id := range added {
		special := b.isSpecial(tok)
		b.decoder[id] = addedToken{Content: tok, Normalized: !special, Special: special}
	}
	for _, t := range b.file.AddedTokens {
		b.decoder[t.ID] = t.addedToken
	}
	return nil
}

func (b *folderBuild) isSpecial(content string) bool {
	for _, t := range b.special {
		if t.Content == content {
			return true
		}
	}
	for _, t := range b.extra {
		if t.Content == content {
			return true
		}
	}
	return false
}

// assemble builds the tokenizer from what was read.
func (b *folderBuild) assemble() (*Tokenizer, error) {
	t := &Tokenizer{clean: b.opt.Clean, lower: b.opt.Lower, added: newAddedVocab(), special: map[string]string{}, class: b.class,
		leftCut: b.config.text("truncation_side") == "left"}
	class := tokenizerClasses[b.class]
	switch {
	case class != nil && b.spec.kind == class.model:
		if err := b.file.checkKnown(); err != nil {
			return nil, err
		}
		post := b.file.PostProcessor
		b.file = &tokenizerFile{PostProcessor: post, AddedTokens: b.file.AddedTokens}
		b.spec = &modelSpec{kind: b.spec.kind, vocab: b.spec.vocab, pieces: b.spec.pieces, merges: b.spec.merges, unkID: -1}
		class.pipeline(b)
	case !b.hasJSON && b.class != "TokenizersBackend":
		return nil, fmt.Errorf("tokenizer class %q is not supported without tokenizer.json; save the folder with tokenizer.json", b.class)
	default:
		class = nil
	}
	var err error
	if t.model, err = b.spec.build(); err != nil {
		return nil, err
	}
	if err := t.pipeline(b.file); err != nil {
		return nil, err
	}
	b.addTokens(t, class == nil)
	if err := b.finish(t, class); err != nil {
		return nil, err
	}
	if b.spec.kind == "BPE" && b.spec.suffix == "</w>" {
		switch b.opt.Clean {
		case CleanOpenCLIP:
			return t, t.asSimple("<start_of_text>", "<end_of_text>")
		case CleanImageBind:
			return t, t.asSimple("<|startoftext|>", "<|endoftext|>")
		}
	}
	return t, nil
}

// addTokens adds tokenizer.json's list (unless a class builds on its vocabulary alone), the list of
// tokenizer_config.json by id, the named special tokens and the further ones.
func (b *folderBuild) addTokens(t *Tokenizer, own bool) {
	if own {
		list := make([]addedToken, len(b.file.AddedTokens))
		for i := range list {
			list[i] = b.file.AddedTokens[i].addedToken
		}
		t.added.add(list, t.model, t.norm)
	}
	var list []addedToken
	have := map[string]bool{}
	for _, tok := range t.added.byID {
		have[tok.Content] = true
	}
	named := map[string]bool{}
	for _, tok := range b.special {
		named[tok.Content] = true
	}
	for _, id := range sortedIDs(b.decoder) {
		tok := b.decoder[id]
		tok.Special = tok.Special || named[tok.Content]
		list, have[tok.Content] = append(list, tok), true
	}
	for _, name := range specialNames {
		if tok, ok := b.special[name]; ok && !have[tok.Content] {
			list = append(list, tok) // two names may share a token: the last one's properties count
		}
	}
	if b.extra == nil {
		b.extra = b.spmTokens
	}
	for _, tok := range b.extra {
		if !have[tok.Content] {
			list = append(list, tok)
		}
	}
	t.added.add(list, t.model, t.norm)
	t.added.index()
}

func (b *folderBuild) finish(t *Tokenizer, class *tokenizerClass) error {
	for name, tok := range b.special {
		t.special[name] = tok.Content
	}
	var length float64
	if json.Unmarshal(b.config["model_max_length"], &length) == nil && length > 0 && length < 1<<31 {
		t.maxLength = int(length)
	}
	t.cleanup = b.config.flag("clean_up_tokenization_spaces", false) && b.spec.kind != "BPE"
	var around []string
	switch {
	case class != nil && class.around != nil:
		around = class.around
	case !b.hasJSON:
		around = b.bosAndEOS()
	default:
		return nil
	}
	tm := template{}
	for _, name := range around {
		id := textSlot
		if name != "" {
			var ok bool
			if id, ok = t.Special(name); !ok {
				return fmt.Errorf("%s needs a %s token and the folder names none", b.class, name)
			}
		}
		tm = append(tm, id)
	}
	t.templates = []template{tm}
	if class != nil && class.post != nil {
		class.post(t)
	}
	return nil
}

// bosAndEOS is the template that add_bos_token and add_eos_token ask for.
func (b *folderBuild) bosAndEOS() []string {
	around := []string{""}
	if _, ok := b.special["bos"]; ok && b.config.flag("add_bos_token", false) {
		around = []string{"bos", ""}
	}
	if _, ok := b.special["eos"]; ok && b.config.flag("add_eos_token", false) {
		around = append(around, "eos")
	}
	return around
}
