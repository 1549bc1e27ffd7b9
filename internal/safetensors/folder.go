package safetensors

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// OpenFolder opens the weights of a model's folder. For each stem in turn
// ("model" if none is given) it looks for
//
//	STEM.safetensors, STEM.safetensors.index.json (with its shards),
//	STEM.VARIANT.safetensors, and an index of that variant
//
// and opens the first there is; of several variants fp32 comes before fp16
// before bf16, and one of another name counts only when it is alone. A folder
// that has only pickle files is refused with the command that converts them.
func OpenFolder(dir string, stem ...string) (*Set, error) {
	if len(stem) == 0 {
		stem = []string{"model"}
	}
	names, err := fileNames(dir)
	if err != nil {
		return nil, fileError(dir, err)
	}
	for _, st := range stem {
		name, err := choose(names, st)
		if err != nil {
			return nil, fileError(dir, err)
		}
		switch {
		case strings.HasSuffix(name, ".json"):
			return openIndex(dir, name)
		case name != "":
			return Open(filepath.Join(dir, name))
		}
	}
	return nil, fileError(dir, noWeights(names, stem))
}

// fileNames lists a folder without its subfolders, sorted.
func fileNames(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range list {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// choose picks the file to open for one stem: weights, an index, or "" if there
// is neither.
func choose(names []string, stem string) (string, error) {
	for _, name := range []string{stem + ".safetensors", stem + ".safetensors.index.json"} {
		if slices.Contains(names, name) {
			return name, nil
		}
	}
	var found []candidate
	for _, name := range names {
		if v := variantOf(name, stem); v != "" {
			found = append(found, candidate{name, v})
		}
	}
	slices.SortStableFunc(found, candidate.compare)
	switch {
	case len(found) == 0:
		return "", nil
	case found[0].order() == len(variants) && found[len(found)-1].variant != found[0].variant:
		return "", fmt.Errorf("no %s.safetensors, and none of its variants is the obvious one: %s; rename one", stem, listed(names, stem+"."))
	}
	return found[0].name, nil
}

// candidate is a file that holds a variant of the weights.
type candidate struct{ name, variant string }

// variants that are chosen among several, best first.
var variants = []string{"fp32", "fp16", "bf16"}

func (c candidate) order() int {
	if i := slices.Index(variants, c.variant); i >= 0 {
		return i
	}
	return len(variants)
}

// compare puts the better variant first, and weights before an index.
func (c candidate) compare(d candidate) int {
	return cmp.Or(
		cmp.Compare(c.order(), d.order()),
		cmp.Compare(len(filepath.Ext(d.name)), len(filepath.Ext(c.name))), // .safetensors, .json
		cmp.Compare(c.name, d.name),
	)
}

// variantForms are the names that transformers and diffusers give: a variant of
// the weights, and the three places where an index has carried the variant.
var variantForms = []*regexp.Regexp{
	regexp.MustCompile(`^(\w+)\.safetensors$`),
	regexp.MustCompile(`^(\w+)\.safetensors\.index\.json$`),
	regexp.MustCompile(`^safetensors\.(\w+)\.index\.json$`),
	regexp.MustCompile(`^safetensors\.index\.(\w+)\.json$`),
}

// variantOf returns the variant in a file's name, "" if it is no variant of stem.
func variantOf(name, stem string) string {
	rest, ok := strings.CutPrefix(name, stem+".")
	if !ok {
		return ""
	}
	for _, form := range variantForms {
		if m := form.FindStringSubmatch(rest); m != nil {
			return m[1]
		}
	}
	return ""
}

// noWeights says what was looked for, and how to go on.
func noWeights(names, stems []string) error {
	if pickles := pickleFiles(names); len(pickles) > 0 {
		return fmt.Errorf("its weights are pickle files (%s), which can run code when they are read; emblem reads only safetensors. If you trust them, convert them once: in that folder run\n  %s",
			listed(pickles, ""), conversion(pickles, stems[0]+".safetensors"))
	}
	want := strings.Join(stems, ".safetensors, ") + ".safetensors"
	return fmt.Errorf("holds no weights: no %s; it holds %s", want, listed(names, ""))
}

// listed prints the names that begin with prefix, cut to a readable length.
func listed(names []string, prefix string) string {
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, quoted(n))
		}
	}
	switch more := len(out) - 8; {
	case len(out) == 0:
		return "no files"
	case more > 0:
		out = append(out[:8], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

var pickleName = regexp.MustCompile(`(?i)\.(bin|pt|pth|ckpt|pkl|pickle)$`)

// trainingState are pickles that trainers leave beside the weights.
var trainingState = regexp.MustCompile(`(?i)^(training_args|optimizer|scheduler|scaler|rng_state.*)\.`)

// pickleFiles returns the pickled weights among names.
func pickleFiles(names []string) []string {
	var out []string
	for _, n := range names {
		if pickleName.MatchString(n) && !trainingState.MatchString(n) {
			out = append(out, n)
		}
	}
	return out
}

// shellSafe names can stand inside the quotes of a command that is printed for
// people to paste.
var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

var shardNumber = regexp.MustCompile(`-\d+-of-\d+`)

// conversion is one command line, good for sh and cmd, that turns the first
// pickled weights and all their shards into safetensors.
func conversion(pickles []string, to string) string {
	from := shardNumber.ReplaceAllString(pickles[0], "") // a name without wildcards
	if !shellSafe.MatchString(from) {
		return "(no command, because a file has an odd name: rename it to pytorch_model.bin first)"
	}
	if from != pickles[0] {
		ext := filepath.Ext(from)
		from = strings.TrimSuffix(from, ext) + "-*" + ext
	}
	return `python -c "import glob, torch, safetensors.torch as s; d = {}; ` +
		`[d.update(torch.load(f, map_location='cpu', weights_only=True)) for f in sorted(glob.glob('` + from + `'))]; ` +
		`d = d.get('state_dict', d); s.save_file({k: v.clone().contiguous() for k, v in d.items()}, '` + to + `', {'format': 'pt'})"`
}

// openIndex opens the shards of an index.
func openIndex(dir, name string) (*Set, error) {
	path := filepath.Join(dir, name)
	text, err := readIndex(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	weightMap, err := parseIndex(text)
	if err != nil {
		return nil, fileError(path, err)
	}
	s, err := openShards(dir, weightMap)
	if err != nil {
		return nil, fileError(path, err)
	}
	return s, nil
}

func readIndex(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = regular(info)
	}
	if err == nil && info.Size() > maxHeader {
		err = fmt.Errorf("an index of %d bytes is over the limit of %d", info.Size(), maxHeader)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// openShards opens every shard that the index names and holds both against each
// other.
func openShards(dir string, weightMap map[string]string) (*Set, error) {
	folder, err := openShardFolder(dir)
	if err != nil {
		return nil, err
	}
	defer folder.root.Close()
	s := newSet()
	var twice []string
	for _, name := range shardNames(weightMap) {
		sh, err := folder.open(name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("shard %s: %w", name, err), s.Close())
		}
		twice = append(twice, s.add(sh)...)
	}
	if err := s.match(weightMap, twice); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.sort()
	return s, nil
}

func shardNames(weightMap map[string]string) []string {
	var names []string
	for _, n := range weightMap {
		names = append(names, n)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// match requires that each weight of the index lies in the shard the index
// names, and that no name occurs in two shards. A tensor that the index does
// not mention is kept, as transformers does: who binds the weights sees it.
func (s *Set) match(weightMap map[string]string, twice []string) error {
	var wrong []string
	for _, name := range twice {
		wrong = append(wrong, quoted(name)+" is in two shards")
	}
	for name, file := range weightMap {
		switch t, ok := s.tensors[name]; {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s is not in %s", quoted(name), file))
		case t.shard.name != file:
			wrong = append(wrong, fmt.Sprintf("%s is in %s, not in %s", quoted(name), t.shard.name, file))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	n := len(wrong)
	return fmt.Errorf("index and shards disagree on %d weights: %s; fetch the folder again", n, strings.Join(wrong[:min(n, 5)], "; "))
}

// shardFolder opens files by names that come from an index, that is from
// somebody else.
type shardFolder struct {
	root *os.Root
	rel  string // the model's folder, from root
}

// openShardFolder takes the model's folder as the boundary. A snapshot in the
// Hugging Face cache consists of links into a folder beside it, so there the
// boundary is the repository's folder, two levels up.
func openShardFolder(dir string) (shardFolder, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return shardFolder{}, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return shardFolder{}, err
	}
	rel := "."
	if up := filepath.Dir(real); filepath.Base(up) == "snapshots" {
		rel = filepath.Join("snapshots", filepath.Base(real))
		real = filepath.Dir(up)
	}
	root, err := os.OpenRoot(real)
	return shardFolder{root, rel}, err
}

func (sf shardFolder) open(name string) (*shard, error) {
	rel := filepath.Join(sf.rel, name)
	info, err := sf.root.Stat(rel)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (a shard lies in the model's folder, and a link to it may not leave that folder)", err)
	}
	f, err := sf.root.Open(rel)
	if err != nil {
		return nil, err
	}
	return mapShard(f)
}
