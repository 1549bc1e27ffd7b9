package library

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/index"
)

// firstSpace is the space that a first vector without one defines.
const firstSpace = "default"

// space defines a space.
func (a *applying) space(o op, r *opResult) error {
	r.Name = o.Name
	if r.Name == "" {
		r.Name = firstSpace
	}
	want := index.Space{Name: r.Name, Dim: o.Dim, Metric: index.Metric(o.Metric), Encoder: o.Encoder}
	_, had := a.defined(r.Name)
	if err := a.define(want); err != nil {
		return err
	}
	r.Status = index.Created
	if had {
		r.Status = index.Unchanged
	}
	a.waiting = append(a.waiting, r)
	return nil
}

func (a *applying) define(s index.Space) error {
	err := a.lib.ix.Define(s)
	var clash *index.SpaceError
	if errors.As(err, &clash) {
		return fmt.Errorf("space %q is there already, with dim %d, metric %q and encoder %q", s.Name, clash.Have.Dim, clash.Have.Metric, clash.Have.Encoder)
	}
	return err
}

func (a *applying) defined(name string) (index.Space, bool) {
	spaces := a.lib.ix.Spaces()
	i := slices.IndexFunc(spaces, func(s index.Space) bool { return s.Name == name })
	if i < 0 {
		return index.Space{}, false
	}
	return spaces[i], true
}

// spaceOf is the space of a vector whose line names none, or "" if there is no
// space at all.
func (a *applying) spaceOf(named string) (string, error) {
	spaces := a.lib.ix.Spaces()
	switch {
	case named != "":
		return named, nil
	case len(spaces) == 0:
		return "", nil
	case len(spaces) == 1:
		return spaces[0].Name, nil
	}
	var names []string
	have := a.lib.Manifest()
	for _, s := range spaces {
		if s.Name == have.space() && have.Model != "" {
			return s.Name, nil
		}
		names = append(names, s.Name)
	}
	return "", fmt.Errorf(`say which "space": %s`, strings.Join(names, ", "))
}

// vectorsOf are the line's vectors by space.
func (a *applying) vectorsOf(o op) (map[string]*vectors, error) {
	if o.Vector == nil {
		return o.Vectors, nil
	}
	name, err := a.spaceOf(o.Space)
	if name == "" {
		name = firstSpace
	}
	return map[string]*vectors{name: o.Vector}, err
}

// put adds or replaces a document, or attaches vectors to one. A space that is not
// there yet is defined by its first vector.
func (a *applying) put(action index.Action, o op, r *opResult) error {
	d := index.Document{ID: *o.ID, Vectors: map[string][][]float32{}, Hidden: o.Hidden != nil && *o.Hidden}
	if o.Metadata != nil {
		d.Metadata = *o.Metadata
	}
	given, err := a.vectorsOf(o)
	if err != nil {
		return err
	}
	for name, v := range given {
		if v == nil {
			continue
		}
		s, ok := a.defined(name)
		if !ok {
			s = index.Space{Name: name, Dim: len((*v)[0])}
			if err := a.define(s); err != nil {
				return err
			}
		}
		if d.Vectors[name], err = v.narrow(s.Metric); err != nil {
			return fmt.Errorf("space %q: %w", name, err)
		}
	}
	a.write(r, index.Change{Action: action, Document: d})
	return nil
}

// meta changes metadata or hides; what the line does not say stays.
func (a *applying) meta(o op, r *opResult) error {
	d := index.Document{ID: *o.ID}
	if o.Metadata == nil || o.Hidden == nil {
		if a.touched[d.ID] {
			if err := a.flush(); err != nil {
				return err
			}
		}
		have, err := a.lib.ix.Get(d.ID)
		if err != nil {
			return err
		}
		d.Metadata, d.Hidden = have.Metadata, have.Hidden
	}
	if o.Metadata != nil {
		d.Metadata = *o.Metadata
	}
	if o.Hidden != nil {
		d.Hidden = *o.Hidden
	}
	a.write(r, index.Change{Action: index.Update, Document: d})
	return nil
}

// delete removes documents by id, or those that pass a filter.
func (a *applying) delete(o op, r *opResult) error {
	ids := o.IDs
	switch {
	case o.ID != nil:
		ids = []string{*o.ID}
	case o.Filter != nil:
		r.Deleted = new(int)
		var err error
		if ids, err = a.passing(o.Filter); err != nil {
			return err
		}
	default:
		r.Deleted, r.Results = new(int), []idStatus{}
	}
	changes := make([]index.Change, len(ids))
	for i, id := range ids {
		changes[i] = index.Change{Action: index.Delete, Document: index.Document{ID: id}}
	}
	a.write(r, changes...)
	return nil
}

// passing are the ids of the documents that pass a filter now.
func (a *applying) passing(f *index.Filter) ([]string, error) {
	if err := a.flush(); err != nil {
		return nil, err
	}
	found, err := a.lib.ix.Select(a.ctx, index.Selection{Filter: f, Limit: math.MaxInt32})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found.Hits))
	for i, h := range found.Hits {
		ids[i] = h.ID
	}
	return ids, nil
}
