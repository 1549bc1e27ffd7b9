package words

import (
	index "github.com/blevesearch/bleve_index_api"
)

// document presents Terms to bleve's segment writer.
type document Terms

func (d *document) ID() string                                 { return ordinalName(d.ord) }
func (d *document) Size() int                                  { return 0 }
func (d *document) VisitComposite(index.CompositeFieldVisitor) {}
func (d *document) HasComposite() bool                         { return false }
func (d *document) NumPlainTextBytes() uint64                  { return 0 }
func (d *document) AddIDField()                                {}
func (d *document) StoredFieldsBytes() uint64                  { return 0 }
func (d *document) Indexed() bool                              { return true }
func (d *document) VisitFields(visit index.FieldVisitor) {
	visit(&column{name: "_id", value: []byte(d.ID()), length: 1, options: index.IndexField | index.StoreField,
		terms: index.TokenFrequencies{d.ID(): &index.TokenFreq{Term: []byte(d.ID())}}})
	for f := range d.fields {
		if s := &d.fields[f]; s.length > 0 {
			visit(&column{name: fieldName[f], length: s.length, options: index.IndexField | index.IncludeTermVectors, terms: s.terms})
		}
	}
}

// column is one field of a document, its terms already counted.
type column struct {
	name    string
	value   []byte
	length  int
	options index.FieldIndexingOptions
	terms   index.TokenFrequencies
}

func (c *column) Name() string                                     { return c.name }
func (c *column) Value() []byte                                    { return c.value }
func (c *column) ArrayPositions() []uint64                         { return nil }
func (c *column) EncodedFieldType() byte                           { return 't' }
func (c *column) Analyze()                                         {}
func (c *column) Options() index.FieldIndexingOptions              { return c.options }
func (c *column) AnalyzedLength() int                              { return c.length }
func (c *column) AnalyzedTokenFrequencies() index.TokenFrequencies { return c.terms }
func (c *column) NumPlainTextBytes() uint64                        { return 0 }
