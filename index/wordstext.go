package index

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/words"
)

// DefaultText are the fields whose words can be searched for where Options say
// nothing: the name and folder of the document's path, and metadata.
func DefaultText() []string {
	return []string{fieldName, fieldFolder, "title", fieldTag, keyTags, "caption", "text", "description"}
}

const keyLang = "lang" // metadata: the language of a document's texts

// labels are the fields that name a document in few words.
var labels = []string{fieldName, "title", fieldTag, keyTags}

// textFields are the fields whose words can be searched for.
func (o *Options) textFields() []string {
	fields := o.Text
	if fields == nil {
		fields = DefaultText()
	}
	return slices.DeleteFunc(slices.Clone(fields), func(name string) bool { return slices.Contains(o.Private, name) })
}

// textSight stands for what decides which texts documents have.
func (o *Options) textSight() string {
	return fmt.Sprintf("%q %v", o.textFields(), slices.Contains(o.Private, keyLang))
}

// textOf is what a document says.
func (o *Options) textOf(ord uint32, id string, metadata map[string]any) words.Text {
	t := words.Text{Ordinal: ord, Lang: o.langOf(metadata)}
	eachText(o.textFields(), id, metadata, func(name string, _ int, text string) {
		t.Values = append(t.Values, words.Value{Field: partOf(name), Text: text})
	})
	return t
}

func (o *Options) langOf(metadata map[string]any) string {
	lang, _ := metadata[keyLang].(string)
	if slices.Contains(o.Private, keyLang) {
		return ""
	}
	return lang
}

func partOf(name string) words.Field {
	switch {
	case name == fieldFolder:
		return words.Folder
	case slices.Contains(labels, name):
		return words.Label
	}
	return words.Prose
}

// eachText yields the strings of some fields of a document, with their places in lists.
func eachText(fields []string, id string, metadata map[string]any, yield func(name string, i int, text string)) {
	for _, name := range fields {
		switch v := metadata[name].(type) {
		case string:
			yield(name, 0, v)
		case []string:
			for i, s := range v {
				yield(name, i, s)
			}
		case nil:
			if isFile(name) {
				yield(name, 0, strings.ToValidUTF8(fact{id: id}.file(name), " "))
			}
		}
	}
}
