package certificate

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

// Certificate is all that is known of how right a model is on this machine.
type Certificate struct {
	Model       string    `json:"model"`
	Family      string    `json:"family"`
	DType       string    `json:"dtype"`
	Fingerprint string    `json:"fingerprint"`
	OK          bool      `json:"ok"` // all parts and all findings
	Machine     Machine   `json:"machine"`
	Goldens     []string  `json:"goldens"`
	Parts       []Part    `json:"parts"` // in every dtype, the worst of the goldens
	Rules       Rules     `json:"rules"`
	Findings    []Finding `json:"findings"` // of the folder
}

// Machine is where it was found out.
type Machine struct {
	Processor string            `json:"processor"`
	Cores     int               `json:"cores"`
	System    string            `json:"system"`  // such as linux/amd64
	Device    string            `json:"device"`  // with the instruction set
	Kernels   map[string]string `json:"kernels"` // by dtype
}

// Rules are the model's own, by which pictures and texts are prepared.
type Rules struct {
	Steps    []string    `json:"steps"` // of pictures
	Pictures *vit.Rules  `json:"pictures,omitempty"`
	Texts    *text.Rules `json:"texts,omitempty"`
	Tokens   int         `json:"tokens,omitempty"` // the most that is read of a text
}

// Options for Full. The zero value is right.
type Options struct {
	Device string // as the model was opened
	Deep   bool   // also what takes seconds: all weights, read twice, and the whole vocabulary
}

// Full makes a model's certificate: its family's goldens in every dtype, and all that
// can be seen of its folder. What is wrong is in it; an error is that it could not be
// made.
func Full(ctx context.Context, m *fusion.DualEncoder, folder weights.Folder, o Options) (*Certificate, error) {
	print, err := m.Fingerprint()
	if err != nil {
		return nil, err
	}
	conf, err := folder.Config()
	if err != nil {
		return nil, err
	}
	c := &Certificate{Model: m.Name(), Family: m.Family(), DType: m.DType(), Fingerprint: print, Rules: rules(m)}
	if c.Machine, err = machine(o.Device); err != nil {
		return nil, err
	}
	all, err := of(folder)
	if err != nil {
		return nil, err
	}
	c.Goldens = names(all)
	results, err := runAll(m.Name(), all, o.Device, DTypes...)
	if wrong := (*Error)(nil); err != nil && !errors.As(err, &wrong) {
		return nil, err
	}
	c.Parts, c.Findings = worst(results), append(c.Findings, covered(all), shapes(m))
	if err := c.look(ctx, m, folder, conf, o); err != nil {
		return nil, err
	}
	c.OK = c.all()
	return c, nil
}

// look adds what is seen of the folder.
func (c *Certificate) look(ctx context.Context, m *fusion.DualEncoder, folder weights.Folder, conf weights.Config, o Options) error {
	found, err := look(m, folder, conf)
	if err != nil {
		found = append(found, Finding{Check: "tokenizer", Detail: err.Error()})
	}
	c.Findings = append(c.Findings, found...)
	if !o.Deep {
		return nil
	}
	if err := m.Ready(); err != nil {
		c.Findings = append(c.Findings, Finding{Check: "numbers", Detail: err.Error()})
		return nil
	}
	c.Findings = append(c.Findings, Finding{Check: "numbers", OK: true, Detail: "all are finite, and none is too large for " + m.DType()})
	if !m.PicturesOnly() {
		f := Finding{Check: "vocabulary", OK: true, Detail: fmt.Sprintf("%d tokens, each found by its text", m.VocabSize())}
		if err := m.SelfTest(); err != nil {
			f.OK, f.Detail = false, err.Error()
		}
		c.Findings = append(c.Findings, f)
	}
	f, err := rounding(ctx, m, folder, o.Device)
	if err != nil && ctx.Err() == nil {
		f.OK, f.Detail, err = false, err.Error(), nil
	}
	c.Findings = append(c.Findings, f)
	return err
}

// all tells whether nothing is wrong.
func (c *Certificate) all() bool {
	for _, p := range c.Parts {
		if !p.OK {
			return false
		}
	}
	for _, f := range c.Findings {
		if !f.OK {
			return false
		}
	}
	return true
}

// shapes says what opening the folder has proved: every tensor has its place.
func shapes(m *fusion.DualEncoder) Finding {
	return Finding{Check: "shapes", OK: true, Detail: fmt.Sprintf("%d weights in %d tensors of the model, each found in the folder, of the right shape, and none left over", m.Parameters(), len(m.Bindings()))}
}

func rules(m *fusion.DualEncoder) Rules {
	r := Rules{Steps: m.Steps(), Tokens: m.TextTokens()}
	if m.HasPictures() {
		v := m.Vision().Rules()
		r.Pictures = &v
	}
	if m.HasTexts() {
		t := m.Text().Rules()
		r.Texts = &t
	}
	return r
}

// machine describes where models run.
func machine(name string) (Machine, error) {
	m := Machine{Cores: runtime.GOMAXPROCS(0), System: runtime.GOOS + "/" + runtime.GOARCH, Kernels: map[string]string{}}
	d, err := device.Open(name)
	if err != nil {
		return m, err
	}
	m.Device = d.Name()
	b, ok := d.Backend().(interface {
		Processor() string
		Describe(tensor.Kind) string
	})
	if !ok {
		return m, fmt.Errorf("certificate: the device %s computes nothing", d.Name())
	}
	m.Processor = b.Processor()
	for _, dtype := range DTypes {
		k, err := tensor.ParseKind(dtype)
		if err != nil {
			return m, err
		}
		m.Kernels[dtype] = b.Describe(k)
	}
	return m, nil
}
