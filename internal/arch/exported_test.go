package arch

import (
	"fmt"
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestExported demands that no exported name of a public package speaks of a
// type of an internal one.
func TestExported(t *testing.T) {
	var paths []string
	for _, room := range public {
		paths = append(paths, module+"/"+room)
	}
	cfg := &packages.Config{Dir: root, Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps}
	loaded, err := packages.Load(cfg, paths...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, e)
		}
		for _, leak := range leaks(p.Types) {
			t.Error(leak)
		}
	}
}

// TestLeaks tries the walk on types made by hand: it must see through every way
// of naming one.
func TestLeaks(t *testing.T) {
	inner := types.NewPackage(module+"/internal/secret", "secret")
	secret := types.NewNamed(types.NewTypeName(0, inner, "Secret", nil), types.Typ[types.Int], nil)
	fn := func(p *types.Package, name string, params, results []types.Type) *types.Func {
		tuple := func(ts []types.Type) *types.Tuple {
			var vars []*types.Var
			for _, typ := range ts {
				vars = append(vars, types.NewParam(0, p, "", typ))
			}
			return types.NewTuple(vars...)
		}
		return types.NewFunc(0, p, name, types.NewSignatureType(nil, nil, nil, tuple(params), tuple(results), false))
	}
	field := func(p *types.Package, name string, typ types.Type, embedded bool) types.Type {
		return types.NewStruct([]*types.Var{types.NewField(0, p, name, typ, embedded)}, nil)
	}
	hidden := func(p *types.Package) *types.Named { // type hidden struct{ Field Secret }
		return types.NewNamed(types.NewTypeName(0, p, "hidden", nil), field(p, "Field", secret, false), nil)
	}
	named := func(p *types.Package, u types.Type) types.Object {
		name := types.NewTypeName(0, p, "T", nil)
		types.NewNamed(name, u, nil)
		return name
	}
	cases := map[string]func(p *types.Package) types.Object{
		"leak: parameter": func(p *types.Package) types.Object { return fn(p, "F", []types.Type{secret}, nil) },
		"leak: result":    func(p *types.Package) types.Object { return fn(p, "F", nil, []types.Type{types.NewPointer(secret)}) },
		"leak: variable":  func(p *types.Package) types.Object { return types.NewVar(0, p, "V", types.NewSlice(secret)) },
		"leak: map of chan": func(p *types.Package) types.Object {
			return types.NewVar(0, p, "V", types.NewMap(types.Typ[types.String], types.NewChan(types.SendRecv, secret)))
		},
		"leak: field":    func(p *types.Package) types.Object { return named(p, field(p, "Field", secret, false)) },
		"leak: embedded": func(p *types.Package) types.Object { return named(p, field(p, "secret", secret, true)) },
		"leak: alias":    func(p *types.Package) types.Object { return types.NewTypeName(0, p, "T", secret) },
		"leak: method": func(p *types.Package) types.Object {
			i := types.NewInterfaceType([]*types.Func{fn(p, "M", []types.Type{secret}, nil)}, nil)
			return named(p, i.Complete())
		},
		"leak: through hidden": func(p *types.Package) types.Object { return fn(p, "F", nil, []types.Type{hidden(p)}) },
		"fine: hidden":         func(p *types.Package) types.Object { return hidden(p).Obj() },
		"fine: own field":      func(p *types.Package) types.Object { return named(p, field(p, "own", secret, false)) },
		"fine: func":           func(p *types.Package) types.Object { return fn(p, "f", []types.Type{secret}, nil) },
		"fine: plain":          func(p *types.Package) types.Object { return fn(p, "F", []types.Type{types.Typ[types.Int]}, nil) },
	}
	for name, object := range cases {
		p := types.NewPackage(module+"/room", "room")
		p.Scope().Insert(object(p))
		if got, want := len(leaks(p)) > 0, strings.HasPrefix(name, "leak"); got != want {
			t.Errorf("%s: found %v", name, leaks(p))
		}
	}
}

// leaks names what of a package's exported surface speaks of internal types.
func leaks(p *types.Package) []string {
	w := &walk{from: p, seen: map[types.Type]bool{}}
	for _, name := range p.Scope().Names() {
		o := p.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		w.at = p.Name() + "." + name
		if tn, ok := o.(*types.TypeName); ok && !tn.IsAlias() {
			w.named(o.Type().(*types.Named))
			continue
		}
		w.typ(o.Type())
	}
	return w.found
}

// walk follows the types that a user of the package can reach.
type walk struct {
	from  *types.Package
	at    string // the exported name from which the walk started
	seen  map[types.Type]bool
	found []string
}

func (w *walk) typ(t types.Type) {
	if t == nil || w.seen[t] {
		return
	}
	switch t := t.(type) {
	case *types.Alias:
		w.typ(types.Unalias(t))
	case *types.Named:
		w.mention(t)
	case *types.Pointer:
		w.typ(t.Elem())
	case *types.Slice:
		w.typ(t.Elem())
	case *types.Array:
		w.typ(t.Elem())
	case *types.Chan:
		w.typ(t.Elem())
	case *types.Map:
		w.typ(t.Key())
		w.typ(t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			w.typ(v.Type())
		}
	case *types.Signature:
		w.typ(t.Params())
		w.typ(t.Results())
	case *types.Struct:
		w.fields(t)
	case *types.Interface:
		w.interfaceType(t)
	case *types.Union:
		for term := range t.Terms() {
			w.typ(term.Type())
		}
	case *types.TypeParam:
		w.seen[t] = true
		w.typ(t.Constraint())
	}
}

// mention judges a named type where another name speaks of it.
func (w *walk) mention(t *types.Named) {
	for arg := range t.TypeArgs().Types() {
		w.typ(arg)
	}
	pkg := t.Obj().Pkg()
	switch {
	case pkg == nil:
	case strings.HasPrefix(pkg.Path(), module+"/internal/"):
		w.found = append(w.found, fmt.Sprintf("%s names %s of an internal package", w.at, types.TypeString(t, (*types.Package).Name)))
	case pkg == w.from && !t.Obj().Exported():
		w.named(t) // an unexported type's exported parts are in reach through this one
	}
}

// named looks into a type of the package itself.
func (w *walk) named(t *types.Named) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	for p := range t.TypeParams().TypeParams() {
		w.typ(p.Constraint())
	}
	for m := range t.Methods() {
		if m.Exported() {
			w.typ(m.Type())
		}
	}
	w.typ(t.Underlying())
}

// fields looks at what a struct shows: its exported and its embedded fields.
func (w *walk) fields(t *types.Struct) {
	for f := range t.Fields() {
		if f.Exported() || f.Embedded() {
			w.typ(f.Type())
		}
	}
}

func (w *walk) interfaceType(t *types.Interface) {
	for e := range t.EmbeddedTypes() {
		w.typ(e)
	}
	for m := range t.ExplicitMethods() {
		if m.Exported() {
			w.typ(m.Type())
		}
	}
}
