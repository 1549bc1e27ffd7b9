package hub

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Alias is a well-known model under a short name.
type Alias struct {
	Name     string `json:"name"`     // the last part of Repo in lower case
	Repo     string `json:"repo"`     // ORG/NAME
	Revision string `json:"revision"` // where its safetensors are, when not on main
	MB       int    `json:"mb"`       // the weights, in 10^6 bytes, rounded
	Licence  string `json:"licence"`  // of the weights
	Later    bool   `json:"later"`    // this version can pull it and not run it
	Note     string `json:"note"`     // what it is good for
}

//go:embed aliases.json
var aliasText []byte

// aliases is read once, at the first look-up that gets that far.
var aliases = sync.OnceValue(func() []Alias {
	var list []Alias
	if err := json.Unmarshal(aliasText, &list); err != nil {
		panic("hub: aliases.json: " + err.Error()) // part of the program; a test reads it
	}
	return list
})

// Aliases lists the well-known models, by purpose and size.
func Aliases() []Alias { return slices.Clone(aliases()) }

// aliasOf finds the row of an alias or of a repository, nil if there is none.
func aliasOf(name string) *Alias {
	for _, a := range aliases() {
		if strings.EqualFold(a.Name, name) || a.Repo == name {
			return &a
		}
	}
	return nil
}

// similar lists aliases whose name contains what was asked for, or the reverse.
func similar(name string) []string {
	name = strings.ToLower(lastPart(name))
	var out []string
	for _, a := range aliases() {
		if strings.Contains(a.Name, name) || strings.Contains(name, a.Name) {
			out = append(out, a.Name)
		}
	}
	return out[:min(len(out), 5)]
}

// Size says MB for people: "605 MB", "1.7 GB".
func (a Alias) Size() string {
	if a.MB >= 1000 {
		return fmt.Sprintf("%.1f GB", float64(a.MB)/1000)
	}
	return fmt.Sprintf("%d MB", a.MB)
}
