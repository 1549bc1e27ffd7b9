package hub

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// choose picks the files that a model needs: configuration, tokenizer, licence
// and one set of safetensors a folder. Folders count in pipelines only.
func choose(l listing) []remoteFile {
	pipeline := slices.ContainsFunc(l.Files, func(f remoteFile) bool { return f.Name == "model_index.json" })
	folders := map[string][]remoteFile{}
	for _, f := range l.Files {
		dir := path.Dir(f.Name)
		if dir == "." || pipeline && !strings.Contains(dir, "/") && dir != "safety_checker" { // which judges pictures and draws none
			folders[dir] = append(folders[dir], f)
		}
	}
	var out []remoteFile
	inParts := false
	for dir, files := range folders {
		weights := chooseWeights(files, l.Family)
		inParts = inParts || dir != "." && len(weights) > 0
		out = append(out, weights...)
		out = append(out, chooseSmall(files)...)
	}
	if inParts { // what is beside the parts are the same weights again, in one file
		out = slices.DeleteFunc(out, func(f remoteFile) bool { return path.Dir(f.Name) == "." && isWeights(f.Name) })
	}
	slices.SortFunc(out, func(a, b remoteFile) int { return strings.Compare(a.Name, b.Name) })
	return out
}

var (
	configFile    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*\.json$`)
	tokenizerFile = regexp.MustCompile(`^(merges|vocab)\.txt$|^bpe_simple_vocab_16e6\.txt\.gz$|^[A-Za-z0-9_][A-Za-z0-9._-]*\.(model|jinja|tiktoken)$`)
	licenceFile   = regexp.MustCompile(`(?i)^(readme|licen[cs]e|copying|notice|use_policy)(\.(md|txt|rst))?$`)
	// otherJSON is what trainers and other formats leave beside a model.
	otherJSON = regexp.MustCompile(`^(trainer_state|.*_results)\.json$|\.index(\.\w+)?\.json$`)
)

// chooseSmall picks what is not weights.
func chooseSmall(files []remoteFile) []remoteFile {
	var out []remoteFile
	for _, f := range files {
		base := path.Base(f.Name)
		if configFile.MatchString(base) && !otherJSON.MatchString(base) || tokenizerFile.MatchString(base) || licenceFile.MatchString(base) {
			out = append(out, f)
		}
	}
	return out
}

// readings are the ways to read one folder: for each the names that weights may
// have, the first of them that is there being the one that is read. Folders that
// are published for two libraries are read by what is in config.json; where the
// hub does not tell, both are worth having.
func readings(files []remoteFile, family string) [][]string {
	has := func(name string) bool {
		return slices.ContainsFunc(files, func(f remoteFile) bool { return path.Base(f.Name) == name })
	}
	transformers := []string{"model", "diffusion_pytorch_model", "open_clip_model"}
	openCLIP := []string{"open_clip_model", "model"}
	switch {
	case !has("open_clip_config.json") || has("config.json") && family != "":
		return [][]string{transformers}
	case has("config.json"):
		return [][]string{transformers, openCLIP}
	}
	return [][]string{openCLIP}
}

// chooseWeights picks the weights of one folder, or all that there are if none
// has a name that is known.
func chooseWeights(files []remoteFile, family string) []remoteFile {
	all := slices.DeleteFunc(slices.Clone(files), func(f remoteFile) bool { return !isWeights(f.Name) })
	var out []remoteFile
	for _, stems := range readings(files, family) {
		for _, stem := range stems {
			set := oneSet(all, stem)
			if len(set) > 0 && !slices.Contains(out, set[0]) {
				out = append(out, set...)
			}
			if len(set) > 0 {
				break
			}
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// isWeights reports whether a file is safetensors or their index.
func isWeights(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".safetensors") || strings.Contains(base, "safetensors") && strings.HasSuffix(base, ".json")
}

// oneSet picks of a stem's files: the one file, else the shards and their index,
// else a variant, the most exact first.
func oneSet(files []remoteFile, stem string) []remoteFile {
	sets := map[string][]remoteFile{}
	form := regexp.MustCompile(`^` + stem + `(?:\.(\w+))?(-\d+-of-\d+)?(?:\.(\w+))?(?:\.safetensors|\.safetensors\.index(?:\.(\w+))?\.json)$`)
	for _, f := range files {
		base := path.Base(f.Name)
		if base == stem+".safetensors" {
			return []remoteFile{f}
		}
		if m := form.FindStringSubmatch(base); m != nil {
			variant := m[1] + m[3] + m[4]
			sets[variant] = append(sets[variant], f)
		}
	}
	for _, variant := range []string{"", "fp32", "fp16", "bf16"} {
		if len(sets[variant]) > 0 {
			return sets[variant]
		}
	}
	var out []remoteFile
	for _, set := range sets { // of odd names: the reader says which of them it wants
		out = append(out, set...)
	}
	return out
}

// hasSafetensors reports whether a revision has weights that can be read.
func hasSafetensors(l listing) bool {
	return slices.ContainsFunc(choose(l), func(f remoteFile) bool { return safetensorsFile.MatchString(f.Name) })
}

func hasConfig(l listing) bool {
	return slices.ContainsFunc(l.Files, func(f remoteFile) bool {
		return f.Name == "config.json" || f.Name == "open_clip_config.json" || f.Name == "model_index.json"
	})
}

// pickle is a name of pickled weights, good to be printed in a command.
var pickle = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*\.(bin|pt|pth|ckpt)$`)

var (
	shardNumber = regexp.MustCompile(`-\d+-of-\d+`)
	training    = regexp.MustCompile(`^(training_args|optimizer|scheduler|scaler|rng_state)`)
)

// noSafetensors says what there is instead, and how to convert it.
func noSafetensors(ref Ref, revision string, l listing) error {
	for _, f := range l.Files {
		if pickle.MatchString(f.Name) && !training.MatchString(f.Name) {
			return &PullError{Code: "no_safetensors", Err: fmt.Errorf("%s has pickled weights only (%s), which can run code when they are read, at %s, %s and in the converter's pull requests; emblem reads only safetensors. If you trust them, convert them once and use the folder: %s && emblem inspect ./%s",
				ref.Repo, f.Name, revision, converted, conversion(ref.Repo, revision, f.Name), lastPart(ref.Repo))}
		}
	}
	return &PullError{Code: "no_safetensors", Err: errors.New(ref.String() + " has no weights that emblem could read: there are no safetensors in it")}
}

// conversion is one command line, good for sh and cmd, that fetches a repository
// with pickled weights and turns them into safetensors in a folder here.
func conversion(repo, revision, file string) string {
	glob := shardNumber.ReplaceAllString(file, "*")
	to := "model.safetensors"
	if strings.HasPrefix(file, "open_clip") {
		to = "open_clip_model.safetensors"
	}
	return `python -c "import glob, torch, safetensors.torch as s, huggingface_hub as h; ` +
		`p = h.snapshot_download('` + repo + `', revision='` + revision + `', local_dir='` + lastPart(repo) + `', allow_patterns=['*.json', '*.txt', '*.model', '` + glob + `']); d = {}; ` +
		`[d.update(torch.load(f, map_location='cpu', weights_only=True)) for f in sorted(glob.glob(p + '/` + glob + `'))]; d = d.get('state_dict', d); ` +
		`s.save_file({k: v.clone().contiguous() for k, v in d.items()}, p + '/` + to + `', {'format': 'pt'})"`
}
