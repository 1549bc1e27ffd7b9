package ask

import (
	_ "embed"
	"strings"
)

const (
	deHere  = `(?: (?:auf|in|im|an) (?:dem |diesem )?(?:bild|foto|szene)| hier| zu sehen| drauf| darauf)*`
	deArt   = `(?:der |die |das |den |dem |ein |eine |einen |einem |einer |irgendein |irgendeine )?`
	deRel   = `(?P<rel>links von|links neben|rechts von|rechts neben|über|oberhalb von|unter|unterhalb von)`
	deThing = `(?P<x>[\p{L}\d -]+?)`
	deOther = `(?P<y>[\p{L}\d -]+?)`
	deMany  = `(?:meiner |der |meine |aller )?(?:bilder|fotos|bildern)`
)

// german are the forms of German. Their things are translated by a small dictionary.
var german = []form{
	reads(Exist, `(?:wie viele|welche|wieviele) `+deMany+` (?:zeigen|haben|enthalten) `+deArt+deThing, collection),
	reads(Exist, `auf (?:wie vielen|welchen|wievielen) `+deMany+` (?:ist|sind|sieht man|gibt es) `+deArt+deThing+deHere, collection),
	reads(Count, `(?:wie viele|wieviele) `+deThing+`(?: (?:sind|gibt es|sieht man|siehst du|zeigt das bild|ist)(?: da| es)?)?`+deHere, things),
	reads(Colour, `welche farbe (?:hat|haben) `+deArt+deThing+deHere, things),
	reads(Time, `ist es (?:tag|nacht) oder (?:tag|nacht)`+deHere+`|welche tageszeit ist es`+deHere),
	reads(Choice, `ist (?:es|das|dies) `+deArt+deThing+` oder `+deArt+deOther+deHere, choices),
	reads(Relation, `ist (?:der |die |das |ein |eine )`+deThing+` `+deRel+` `+deArt+deOther+deHere, relation, things),
	reads(Is, `ist (?:es|das|dies|das bild) (?P<z>.+)`, setting),
	reads(Exist, `(?:ist|sind|gibt es)(?: da| dort| hier)? (?:ein |eine |einen |irgendein |irgendeine )?`+deThing+deHere, things),
	reads(Exist, `(?:siehst du|sieht man|zeigt das bild|erkennst du) `+deArt+deThing+deHere, things),
	reads(Beside, `(?:was|wer) ist `+deRel+` `+deArt+deOther+deHere, relation, things),
	reads(Setting, `wo ist (?:das|es|dies)(?: hier)?|wo spielt das|was ist (?:im|der) hintergrund`),
	reads(Place, `wo (?:ist|sind) (?:der |die |das |ein |eine )`+deThing+deHere, things),
	reads(What, `(?:was|wer) (?:ist|siehst du|sieht man|zeigt das bild|ist das|ist es|gibt es)`+deHere),
}

//go:embed german.txt
var germanFile string

// dictionary has English words of German ones, both singular and plural.
var dictionary = readDictionary(germanFile)

func readDictionary(file string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(file) {
		forms, english, _ := strings.Cut(strings.TrimSpace(line), " = ")
		for _, f := range strings.Split(forms, ", ") {
			out[f] = english
		}
	}
	return out
}

// translated is a question of German with its things in English: that is what most
// models know. A word that the dictionary lacks is an *UncoveredError.
func translated(q Question) (Question, error) {
	if q.Language != "de" {
		return q, nil
	}
	for _, slot := range append([]*string{&q.Subject, &q.Object}, pointers(q.Choices)...) {
		var out []string
		for _, w := range strings.Fields(bare(*slot)) {
			e, ok := dictionary[w]
			if !ok {
				return q, &UncoveredError{Text: q.Text, Word: w}
			}
			out = append(out, e)
		}
		*slot = strings.Join(out, " ")
	}
	return q, nil
}

func pointers(list []string) (out []*string) {
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// inGerman are answers in the language of the question; names of things go back through
// the dictionary, and stay English where it lacks them.
func inGerman(answer string) string {
	if w, ok := answersGerman[answer]; ok {
		return w
	}
	if w, ok := backwards[answer]; ok {
		return w
	}
	return answer
}

var answersGerman = map[string]string{
	"yes": "ja", "no": "nein", "day": "Tag", "night": "Nacht", "left": "links", "right": "rechts", "top": "oben", "bottom": "unten",
	"outdoors by day": "draußen bei Tag", "at night": "bei Nacht", "at sunset": "bei Sonnenuntergang", "on a beach": "am Strand", "in the snow": "im Schnee", "at sea": "auf dem Meer", "indoors": "drinnen", "in space": "im Weltraum",
	"red": "rot", "orange": "orange", "yellow": "gelb", "green": "grün", "blue": "blau", "purple": "lila", "pink": "rosa", "brown": "braun", "black": "schwarz", "white": "weiß", "gray": "grau",
}

var backwards = func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(germanFile) {
		forms, english, _ := strings.Cut(strings.TrimSpace(line), " = ")
		first, _, _ := strings.Cut(forms, ", ")
		if _, ok := out[english]; !ok {
			out[english] = first
		}
	}
	return out
}()
