package fusion

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/emblem-search/emblem/internal/weights"
)

// fingerprint is computed when it is first asked for: it reads every byte of
// the weights.
type fingerprint struct {
	once sync.Once
	hex  string
	err  error
}

// tokenizerFiles are the files that decide how texts become ids.
var tokenizerFiles = []string{
	"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "bpe_simple_vocab_16e6.txt.gz", "vocab.txt", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model",
}

// Fingerprint names the space that vectors of this model live in: the SHA-256,
// in hex, over its weights, configuration, tokenizer, preprocessing, pooling and
// dimensions. It does not depend on the dtype or the device.
func (d *DualEncoder) Fingerprint() (string, error) {
	d.print.once.Do(func() { d.print.hex, d.print.err = d.fingerprint() })
	return d.print.hex, d.print.err
}

func (d *DualEncoder) fingerprint() (string, error) {
	set, err := d.folder.Open(d.conf.Stems...)
	if err != nil {
		return "", err
	}
	defer set.Close()
	hash, err := weights.CacheAt(d.options.Cache).Hash(set)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "weights %s\nfamily %s\nconfiguration %x\n", hash, d.conf.Family, sha256.Sum256(d.conf.Raw))
	if d.picturesConf.Family != "" {
		if err := d.hashPictures(sum); err != nil {
			return "", err
		}
	}
	if d.vision != nil {
		for _, step := range d.vision.Preprocess().Published().Steps() {
			fmt.Fprintf(sum, "step %s\n", step)
		}
	}
	for _, s := range d.Senses() {
		fmt.Fprintf(sum, "sense %s\n", s)
	}
	fmt.Fprintf(sum, "dimensions %d\n", d.Dim())
	if err := d.hashTokenizer(sum); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashPictures adds the model that pictures come from, where it is another one.
func (d *DualEncoder) hashPictures(w io.Writer) error {
	set, err := d.pictures.Open(d.picturesConf.Stems...)
	if err != nil {
		return err
	}
	defer set.Close()
	hash, err := weights.CacheAt(d.options.Cache).Hash(set)
	fmt.Fprintf(w, "pictures %s %s %x\n", d.picturesConf.Family, hash, sha256.Sum256(d.picturesConf.Raw))
	return err
}

func (d *DualEncoder) hashTokenizer(w io.Writer) error {
	for _, name := range tokenizerFiles {
		data, err := d.folder.Read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s %x\n", name, sha256.Sum256(data))
	}
	return nil
}
