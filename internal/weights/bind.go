package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Source is an opened checkpoint.
type Source interface {
	Names() []string
	Get(name string) (safetensors.View, bool)
	Want(v safetensors.View)             // it will be read soon
	Drop(v safetensors.View, lo, hi int) // bytes lo to hi will not be read again
}

// Plan is a module whose tensors have all been found and fit.
type Plan struct {
	src   Source
	tasks []task
}

type task struct {
	want   want
	rule   Rule
	views  []safetensors.View
	scales [][]float32 // by view: of an int8 tensor's rows
	names  []string
}

// Binding names one tensor of a module and where it comes from.
type Binding struct {
	Name  string // the module's name
	From  []string
	Shape []int
	DType string // as stored
}

// Bind loads src into module, a pointer to a struct, through a layout.
func Bind(p *tensor.Pool, src Source, l Layout, module any) error {
	plan, err := Match(src, l, module)
	if err != nil {
		return err
	}
	return plan.Load(p)
}

// Match finds the tensors of a module, reads none of them, and reports all that
// does not fit in one [*Error].
func Match(src Source, l Layout, module any) (*Plan, error) {
	plan, problems := &Plan{src: src}, &Error{}
	used := map[string]bool{}
	for _, w := range walk(module) {
		t := task{want: w}
		t.rule, t.names = l.resolve(w.name)
		missing := t.find(src)
		for _, n := range t.names {
			used[n] = true
			if v, ok := src.Get(n); ok && v.DType == safetensors.I8 {
				used[n+scaleSuffix] = true
			}
		}
		switch {
		case len(missing) > 0 && !(w.optional && len(missing) == len(t.names)):
			problems.Missing = append(problems.Missing, missing...)
		case len(missing) > 0:
		default:
			if err := t.fits(); err != nil {
				problems.Misshapen = append(problems.Misshapen, err.Error())
			}
			plan.tasks = append(plan.tasks, t)
		}
	}
	for _, n := range src.Names() {
		if !used[n] && l.unclaimed(n) {
			problems.Unused = append(problems.Unused, n)
		}
	}
	if problems.empty() {
		return plan, nil
	}
	problems.sort()
	return nil, problems
}

func (t *task) find(src Source) (missing []string) {
	for _, n := range t.names {
		if v, ok := src.Get(n); ok {
			t.views = append(t.views, v)
			t.scales = append(t.scales, scalesOf(src, v))
		} else {
			missing = append(missing, n)
		}
	}
	return missing
}

// Bindings lists what goes where, in the module's order.
func (p *Plan) Bindings() []Binding {
	all := make([]Binding, len(p.tasks))
	for i, t := range p.tasks {
		all[i] = Binding{t.want.name, t.names, t.want.shape, fmt.Sprint(t.views[0].DType)}
	}
	return all
}

// Int8 lists the checkpoint's tensors that may be stored as int8 rows without a
// further loss, since the module rounds just these rows so: matrices of KindI8 whose
// rows are rows of the checkpoint's. One of which another field needs a part is not
// among them.
func (p *Plan) Int8() (names []string) {
	other := map[string]bool{}
	for _, t := range p.tasks {
		n := t.int8()
		names = append(names, t.names[:n]...)
		for _, name := range t.names[n:] {
			other[name] = true
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return other[name] })
}

// int8 is how many of the task's tensors, the first ones, become int8 rows as they are.
func (t *task) int8() int {
	w, ok := t.want.leaf.(*Matrix)
	if !ok || w.Kind != tensor.KindI8 {
		return 0
	}
	switch t.rule.Op {
	case Rename, Cat, Split:
		return len(t.names)
	case Scale:
		return 1
	}
	return 0
}

// Parameters is the number of elements of all of the module's tensors.
func (p *Plan) Parameters() int {
	n := 0
	for _, t := range p.tasks {
		n += elements(t.want.shape)
	}
	return n
}

// fits checks the shapes of the task's sources against the wanted one.
func (t *task) fits() error {
	for i, v := range t.views {
		if v.DType == safetensors.I8 && t.scales[i] == nil {
			return fmt.Errorf("%s is I8, but there is no %s%s with a number for each of its rows", t.names[i], t.names[i], scaleSuffix)
		}
		if v.DType != safetensors.I8 && !floats(v.DType) {
			return fmt.Errorf("%s is %s, want F32, F16, BF16 or I8", t.names[i], v.DType)
		}
	}
	got := slices.Clone(t.views[0].Shape)
	ok := true
	switch t.rule.Op {
	case Cat:
		got, ok = stacked(t.views)
	case Split:
		ok = len(got) > 0 && got[0]%t.rule.Part.Of == 0
		if ok {
			got[0] = got[0] / t.rule.Part.Of * (t.rule.Part.Hi - t.rule.Part.Lo)
		}
	case Transpose:
		slices.Reverse(got)
		ok = len(got) == 2
	case ChannelsLast:
		ok = len(got) >= 2
		if ok {
			got = []int{got[0], elements(got[1:])}
		}
	case LowRank:
		a, b := t.views[1].Shape, t.views[2].Shape
		ok = len(got) == 2 && len(a) == 3 && len(b) == 3 && a[0] == b[0] && t.rule.Adapter.At < a[0] &&
			a[1] == got[0] && a[2] == b[1] && b[2] == got[1]
	case Gap:
		got, ok = stacked([]safetensors.View{t.views[0], t.views[0], t.views[1]})
		ok = ok && slices.Equal(t.views[0].Shape, t.views[1].Shape)
	case Scale:
		ok = len(got) > 0 && elements(t.views[1].Shape) == got[0]
	}
	if ok && slices.Equal(squeeze(got), squeeze(t.want.shape)) {
		return nil
	}
	shapes := make([]string, len(t.views))
	for i, v := range t.views {
		shapes[i] = fmt.Sprint(v.Shape)
	}
	return fmt.Errorf("%s has shape %s, want %v as %s", strings.Join(t.names, "+"), strings.Join(shapes, "+"), t.want.shape, t.want.name)
}

func stacked(views []safetensors.View) (shape []int, ok bool) {
	for i, v := range views {
		if len(v.Shape) == 0 || i > 0 && !slices.Equal(v.Shape[1:], shape[1:]) {
			return nil, false
		}
		if i == 0 {
			shape = slices.Clone(v.Shape)
		} else {
			shape[0] += v.Shape[0]
		}
	}
	return shape, true
}

// squeeze drops dimensions of size one.
func squeeze(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(n int) bool { return n == 1 })
}
