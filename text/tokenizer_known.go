package text

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// knownTypes are the components that tokenizers 0.23 knows, by section, and the
// fields in which a Sequence of each holds its parts.
var knownTypes = []struct {
	section, parts, names string
}{
	{"normalizer", "normalizers", "Bert BertNormalizer ByteLevel Lowercase NFC NFD NFKC NFKD Nmt Precompiled Prepend Replace Sequence Strip StripAccents"},
	{"pre_tokenizer", "pretokenizers", "BertPreTokenizer ByteLevel CharDelimiterSplit Delimiter Digits FixedLength Metaspace Punctuation Sequence Split UnicodeScripts Whitespace WhitespaceSplit"},
	{"post_processor", "processors", "BertProcessing ByteLevel RobertaProcessing Sequence TemplateProcessing"},
	{"decoder", "decoders", "BPEDecoder ByteFallback ByteLevel CTC Fuse Metaspace Replace Sequence Strip WordPiece"},
}

// checkKnown refuses components that nobody knows, also in a file whose pipeline
// the folder's class replaces: the reference reads the whole file first.
func (f *tokenizerFile) checkKnown() error {
	left := maxComponents
	for i, c := range []*component{f.Normalizer, f.PreTokenizer, f.PostProcessor, f.Decoder} {
		k := knownTypes[i]
		if err := c.checkKnown(k.section, k.parts, strings.Fields(k.names), &left); err != nil {
			return err
		}
	}
	return nil
}

func (c *component) checkKnown(section, parts string, names []string, left *int) error {
	if c == nil {
		return nil
	}
	if *left--; *left < 0 {
		return fmt.Errorf("more than %d components", maxComponents)
	}
	if !slices.Contains(names, c.Type) {
		return fmt.Errorf("%s %q is not supported; the reference knows %s", section, c.Type, strings.Join(names, ", "))
	}
	if c.Type != "Sequence" {
		return nil
	}
	var fields map[string]json.RawMessage
	var list []component
	if err := c.into(&fields); err != nil {
		return err
	}
	if err := json.Unmarshal(fields[parts], &list); err != nil {
		return fmt.Errorf("%s: %s: %w", section, parts, err)
	}
	for i := range list {
		if err := list[i].checkKnown(section, parts, names, left); err != nil {
			return err
		}
	}
	return nil
}
