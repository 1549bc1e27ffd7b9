package fusion

import (
	"fmt"
	"os"
	"strings"

	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

// Cut says what is done with a text that is longer than the model reads.
type Cut string

// CutEnd, also the empty Cut, drops the text's end, as the model's family does;
// CutError refuses the text.
const (
	CutEnd   Cut = "end"
	CutError Cut = "error"
)

// Tokenizer turns texts into the ids that a dual encoder reads. It is safe for
// concurrent use.
type Tokenizer struct {
	*text.Tokenizer // nil for a model that knows pictures only

	name string
	most int    // ids that the model reads
	pad  *int32 // what fills a text up; nil: the configuration's
	sep  *int32 // what becomes 0; nil: nothing
}

// LoadTokenizer reads a dual encoder's tokenizer, not its weights.
func LoadTokenizer(dir string, o Options) (*Tokenizer, error) {
	folder, conf, err := open(dir, &o)
	if err != nil {
		return nil, err
	}
	t, err := loadTokenizer(folder, conf, o)
	if err != nil {
		return nil, fmt.Errorf("fusion: %s: %w", o.Name, err)
	}
	return t, nil
}

func loadTokenizer(folder weights.Folder, conf weights.Config, o Options) (*Tokenizer, error) {
	t := &Tokenizer{name: o.Name}
	if !text.Knows(conf.Family) {
		return t, nil
	}
	var err error
	if t.most, err = text.Positions(folder.Dir, text.EncoderOptions{FS: o.FS}); err != nil {
		return nil, err
	}
	how := howTransformers
	switch conf.Family {
	case "open_clip":
		if how, err = howOpenCLIP(conf.Raw); err != nil {
			return nil, err
		}
	case "imagebind":
		how = howText{clean: text.CleanImageBind}
	}
	files := o.FS
	if files == nil {
		files = os.DirFS(folder.Dir)
	}
	if t.Tokenizer, err = text.LoadTokenizerFS(files, text.TokenizerOptions{Clean: how.clean}); err != nil {
		if conf.Family == "imagebind" { // it was published without one
			err = fmt.Errorf("%w, or bpe_simple_vocab_16e6.txt.gz, which lies in ImageBind's repository as imagebind/bpe/", err)
		}
		return nil, err
	}
	if id, ok := t.PAD(); ok && how.ownPad {
		t.pad = &id
	}
	if how.blankSep {
		id, ok := t.Special("sep")
		if !ok {
			return nil, fmt.Errorf("open_clip_config.json: text_cfg.tokenizer_kwargs.strip_sep_token: the tokenizer has no separator")
		}
		t.sep = &id
	}
	return t, nil
}

// Name is what answers call the model.
func (t *Tokenizer) Name() string { return t.name }

// PicturesOnly tells whether the model has no text tower, and so no tokenizer: its
// vectors find pictures by pictures, and whatever takes a text is a
// [PicturesOnlyError].
func (t *Tokenizer) PicturesOnly() bool { return t.Tokenizer == nil }

// EncodeText turns a text into the ids that the model reads, special tokens
// included, padding not; truncated says that its end was dropped.
func (t *Tokenizer) EncodeText(s string, cut Cut) (ids []int32, truncated bool, err error) {
	if t.Tokenizer == nil {
		return nil, false, t.noTexts()
	}
	ids, truncated = t.EncodeCut(s, text.Cut{Max: t.most, KeepEnd: true})
	if truncated && cut == CutError {
		n := len(t.Encode(s, true))
		return nil, true, fmt.Errorf("fusion: the text has %d tokens, %s reads %d; shorten it or allow truncation", n, t.name, t.most)
	}
	for i, id := range ids {
		if t.sep != nil && id == *t.sep {
			ids[i] = 0
		}
	}
	return ids, truncated, nil
}

// howText is how a family treats texts around the tokenizer.
type howText struct {
	clean    text.Clean
	ownPad   bool // padding is the tokenizer's pad token, not the configuration's
	blankSep bool // the separator that ends a text becomes 0: CLIPA
}

var howTransformers = howText{ownPad: true}

// howOpenCLIP reads how open_clip treats texts: its own tokenizer repairs and
// lowers them and pads with zeros; one of transformers is named with what is
// done before it.
func howOpenCLIP(raw []byte) (howText, error) {
	var c struct {
		Model struct {
			Text struct {
				Tokenizer string `json:"hf_tokenizer_name"`
				Mode      string `json:"tokenizer_mode"`
				Args      struct {
					Clean    string `json:"clean"`
					StripSep bool   `json:"strip_sep_token"`
				} `json:"tokenizer_kwargs"`
			} `json:"text_cfg"`
		} `json:"model_cfg"`
	}
	t := &c.Model.Text
	t.Args.Clean = "whitespace"
	if err := weights.Decode("open_clip_config.json", raw, &c); err != nil {
		return howText{}, err
	}
	if t.Tokenizer == "" {
		return howText{clean: text.CleanOpenCLIP}, nil
	}
	clean, err := text.ParseClean(t.Args.Clean)
	switch {
	case err != nil:
		return howText{}, fmt.Errorf("open_clip_config.json: text_cfg.tokenizer_kwargs.clean: %w", err)
	case t.Mode != "":
		return howText{}, fmt.Errorf("open_clip_config.json: text_cfg.tokenizer_mode %q is not supported", t.Mode)
	}
	return howText{clean, true, t.Args.StripSep}, nil
}

// open finds out what a folder is and what to call it.
func open(dir string, o *Options) (weights.Folder, weights.Config, error) {
	folder := weights.Folder{Dir: dir, FS: o.FS}
	if o.Name == "" {
		o.Name = folderName(dir)
	}
	conf, err := folder.Config()
	if err != nil {
		return folder, conf, err
	}
	if !vit.Knows(conf.Family) && !text.Knows(conf.Family) {
		return folder, conf, fmt.Errorf("fusion: %s: model_type %q is not a model of pictures and texts that this build knows (%s)", o.Name, conf.Family, strings.Join(vit.Families(), ", "))
	}
	return folder, conf, nil
}
