package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
)

// askFlags are the flags of emblem ask.
type askFlags struct {
	modelFlags
	images         []string
	library        string
	candidates     []string
	evidence       bool
	counterfactual bool
	detail         string
	maxTiles       int
	deadline       time.Duration
	budget         int
	limit          int
	correct        string
	revoke         string
	corrections    bool
	maxTokens      int
	temperature    float64
	seed           uint64
	json           bool
	maxMegapixels  uint
}

func newAskCmd(a *app) *cobra.Command {
	var f askFlags
	cmd := &cobra.Command{
		Use:   "ask [--image FILE | --library L] QUESTION",
		Short: "Answer a question about a picture, or about all of a library",
		Long: `Answer a question about a picture, or about all of a library.

Any model of pictures and words answers simple questions in English and German: is
there a dog? what is in the picture? what colour is the car? how many dogs are there?
where is the dog? what is left of the car? where is this? is it day or night? is it a
cat or a dog? With --candidate it chooses among answers, and any question will do.

A model that answers of its own weights, named with --model, takes any question, about
one picture or several, and says what it likes in at most --max-tokens: SmolVLM,
Idefics3, LLaVA. With --candidate it weighs these instead.

Answers have probabilities. What is not likely enough is "I don't know" (exit 3), and
questions of other kinds are refused, not guessed.

Without --image, the library is asked: "how many of my pictures show a dog?" is
counted, with an interval that holds the truth 19 times in 20; other questions are put
to the pictures that show what they are about, which are cited.

--correct ANSWER says what is right about --image, a picture of the library. It is used
from then on for the same question, for that picture and those that look the same.
--corrections lists them, --revoke ID takes one back.`,
		Example: `  emblem ask --image cat.jpg "what colour is the cat?"
  emblem ask "how many of my pictures show a dog?"
  emblem ask --image cat.jpg --correct gray "what colour is the cat?"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), a, args, cmd.Flags().Changed("library"))
		},
	}
	f.addModel(cmd)
	f.addDType(cmd)
	g := cmd.Flags()
	g.Lookup("model").DefValue, f.model = "", ""
	g.StringArrayVar(&f.images, "image", nil, "the picture that is asked about; repeatable where --model answers of its own weights")
	g.StringVar(&f.library, "library", "default", "the library that is asked, or that keeps corrections")
	g.StringArrayVar(&f.candidates, "candidate", nil, "an answer to choose from (repeatable)")
	g.BoolVar(&f.evidence, "evidence", false, "say where in the picture the answer was seen")
	g.BoolVar(&f.counterfactual, "counterfactual", false, "answer again with that taken away")
	g.StringVar(&f.detail, "detail", "auto", "low looks at the whole picture only; high and auto at parts too")
	g.IntVar(&f.maxTiles, "max-tiles", 0, "most parts that are looked at; 0 is all")
	g.DurationVar(&f.deadline, "deadline", 0, "look closer only as long as this, such as 200ms")
	g.IntVar(&f.maxTokens, "max-tokens", 0, "tokens of an answer at most; 0 is the model's own number or 256")
	g.Float64Var(&f.temperature, "temperature", 0, "how freely an answer's tokens are drawn; 0 takes the likeliest")
	g.Uint64Var(&f.seed, "seed", 0, "of the draws")
	g.IntVar(&f.budget, "budget", 0, "most pictures of the library that are inspected; 0 means 2000")
	g.IntVarP(&f.limit, "limit", "n", 8, "most pictures that are cited")
	g.StringVar(&f.correct, "correct", "", "the right answer, to be kept")
	g.StringVar(&f.revoke, "revoke", "", "take the correction with this id back")
	g.BoolVar(&f.corrections, "corrections", false, "list what was corrected")
	g.BoolVar(&f.json, "json", false, "one JSON object")
	addMegapixels(cmd, &f.maxMegapixels)
	return cmd
}

func (f *askFlags) run(ctx context.Context, a *app, args []string, libraryNamed bool) error {
	if f.model != "" && models.Answers(f.model, a.wiring.aliases) {
		return f.ofItsOwn(ctx, a, args, libraryNamed)
	}
	if err := f.check(args); err != nil {
		return err
	}
	o := askOptions{Library: f.library, Candidates: f.candidates, Budget: f.budget, Limit: f.limit, Correct: f.correct, Revoke: f.revoke, List: f.corrections, JSON: f.json, DType: f.dtype}
	if len(args) > 0 {
		o.Question = args[0]
	}
	for _, p := range f.images {
		path, err := filepath.Abs(library.ExpandHome(p))
		if err != nil {
			return err
		}
		o.Picture = path
	}
	var err error
	if o.Model, err = a.modelRef(f.model); err != nil {
		return err
	}
	if o.Picture != "" && f.correct == "" && !libraryNamed {
		return f.aboutPicture(ctx, a, o)
	}
	if o.Picture != "" && f.correct == "" {
		return usagef("give --image or --library, not both; a picture of the library is asked about by --image")
	}
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	return a.perform(ctx, dir, "ask", o)
}

func (f *askFlags) check(args []string) error {
	switch {
	case f.revoke != "" || f.corrections:
		if len(args) > 0 {
			return usagef("--revoke and --corrections take no question")
		}
		return nil
	case len(args) != 1 || args[0] == "":
		return usagef(`give one question in quotes: emblem ask --image cat.jpg "what colour is the cat?"`)
	case len(f.images) > 1:
		return usagef("%d pictures; ask about each by itself", len(f.images))
	case f.correct != "" && len(f.images) == 0:
		return usagef("--correct is about a picture of the library; name it with --image")
	case (f.evidence || f.counterfactual) && len(f.images) == 0:
		return usagef("--evidence and --counterfactual are of a picture; name it with --image")
	case f.maxTokens != 0 || f.temperature != 0 || f.seed != 0:
		return usagef("--max-tokens, --temperature and --seed are for models that answer of their own weights; name one with --model")
	case f.maxTiles < 0 || f.budget < 0 || f.limit < 0 || f.deadline < 0:
		return usagef("--max-tiles, --budget, --limit and --deadline must not be negative")
	}
	if f.correct == "" {
		if _, err := ask.Read(args[0], f.candidates); err != nil {
			return uncovered(err)
		}
	}
	if err := oneOf("detail", f.detail, "low", "high", "auto"); err != nil {
		return err
	}
	return f.checkDType()
}

// uncovered is exit 2 for questions that are not of a kind that can be answered.
func uncovered(err error) error {
	var own *ask.UncoveredError
	if errors.As(err, &own) {
		return refusef("question_not_covered", "%s", strings.TrimPrefix(own.Error(), "ask: "))
	}
	return err
}

// told is an answer as --json prints it.
type toldAnswer struct {
	Question       string            `json:"question"`
	Answer         string            `json:"answer"`
	IDs            []int32           `json:"ids"` // tokens of the answer, of models that make some
	Abstained      bool              `json:"abstained"`
	Probability    float64           `json:"probability"`
	Answers        []ask.Alternative `json:"answers"`
	Kind           ask.Kind          `json:"kind"`
	Evidence       *toldEvidence     `json:"evidence,omitempty"`
	Counterfactual *toldAgain        `json:"counterfactual,omitempty"`
	Count          *ask.Counted      `json:"count,omitempty"`
	Annotations    []ask.Annotation  `json:"annotations,omitempty"`
	Tiles          int               `json:"tiles,omitempty"`
	Library        string            `json:"library,omitempty"`
	Finish         string            `json:"finish_reason,omitempty"`
	Usage          *askedUsage       `json:"usage,omitempty"`
	Model          string            `json:"model"`
	DType          string            `json:"dtype,omitempty"`
}

type toldEvidence struct {
	Of    string   `json:"of"`
	Boxes [][4]int `json:"boxes"` // x, y, width, height in pixels of the upright picture
}

type toldAgain struct {
	Answer      string            `json:"answer"`
	Abstained   bool              `json:"abstained"`
	Probability float64           `json:"probability"`
	Answers     []ask.Alternative `json:"answers"`
}

// aboutPicture answers about one file.
func (f *askFlags) aboutPicture(ctx context.Context, a *app, o askOptions) error {
	if f.model == "" {
		f.model = "builtin/search"
	}
	m, err := f.open(ctx, a)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := ready(m, true, true); err != nil {
		return err
	}
	l := newLoader(m, f.maxMegapixels)
	file, err := picture.ReadFile(o.Picture, l.limits.MaxBytes)
	if err != nil {
		return err
	}
	img, err := picture.Decode(file, picture.Options{Local: true, Limits: l.limits})
	if err != nil {
		return fmt.Errorf("%s: %w", o.Picture, err)
	}
	refine := ctx
	if f.deadline > 0 {
		var cancel context.CancelFunc
		refine, cancel = context.WithTimeout(ctx, f.deadline)
		defer cancel()
	}
	looks := ask.Options{Detail: f.detail, MaxTiles: f.maxTiles}
	state, err := ask.Encode(ctx, refine, m, img, looks)
	if err != nil {
		return err
	}
	answerer := ask.New(m)
	ans, err := answerer.Answer(ctx, o.Question, state, o.Candidates)
	if err != nil {
		return err
	}
	out := toldAnswer{Question: o.Question, Answer: ans.Text, IDs: []int32{}, Abstained: ans.Abstained, Probability: ans.Probability, Answers: ans.Alternatives, Kind: ans.Question.Kind, Tiles: len(state.Tiles), Model: m.Name()}
	if f.evidence || f.counterfactual {
		at, err := ask.Locate(ctx, m, img, ans.Where)
		if err != nil {
			return err
		}
		out.Evidence = &toldEvidence{ans.Where, at.Pixels(img.Bounds())}
		if f.counterfactual {
			state, err := ask.Encode(ctx, ctx, m, ask.Mask(img, at.Boxes()), looks)
			if err != nil {
				return err
			}
			again, err := answerer.AnswerParsed(ctx, ans.Question, state)
			if err != nil {
				return err
			}
			out.Counterfactual = &toldAgain{again.Text, again.Abstained, again.Probability, again.Alternatives}
		}
	}
	return out.write(a.stdout, f.json)
}
