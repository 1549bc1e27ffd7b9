package ask

import (
	_ "embed"
	"slices"
	"strings"
)

// The closed vocabularies. Names of things are those of drawn pictures' artwork (Noto and
// others name what they draw); tools/golden/questions.py has where they come from.
var (
	//go:embed vocabulary.txt
	vocabularyFile string
	//go:embed classes.txt
	classesFile string

	nouns   = strings.Split(strings.TrimSpace(vocabularyFile), "\n")
	classes = readClasses(classesFile)
)

// Vocabulary is what "what is it?" is answered from, where nobody gives another.
func Vocabulary() []string { return slices.Clone(nouns) }

// readClasses reads lines of a class and its members.
func readClasses(file string) map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(file) {
		name, members, _ := strings.Cut(strings.TrimSpace(line), ": ")
		out[name] = strings.Split(members, ", ")
	}
	return out
}

// known says whether a vocabulary has the word.
func known(noun string) bool {
	return slices.Contains(nouns, noun)
}

var (
	colours   = []string{"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray"}
	numbers   = []string{"one", "two", "three", "four"}
	relative  = []string{"left", "right", "above", "below"}
	placeName = map[string]string{"left": "left", "right": "right", "above": "top", "below": "bottom"}
	inverse   = map[string]string{"left": "right", "right": "left", "above": "below", "below": "above"}
)

// setting is where a scene is: its name as an answer, and how captions say it.
type scenery struct {
	name    string
	say     []string
	asked   []string // how questions say it, besides
	germans []string
}

var settings = []scenery{
	{"outdoors by day", []string{"on grass", "on a sunny day", "in a green field", "outdoors under a blue sky", "in a meadow"}, []string{"day", "daytime", "outside", "outdoors", "by day", "during the day", "in the daytime"}, []string{"tag", "tagsüber", "draußen", "im freien", "auf einer wiese"}},
	{"at night", []string{"at night", "under the stars", "in the dark", "at night under a starry sky"}, []string{"night", "nighttime", "dark", "by night"}, []string{"nacht", "nachts", "dunkel", "in der nacht", "bei nacht"}},
	{"at sunset", []string{"at sunset", "under an orange sky", "at dusk", "in the evening"}, []string{"sunset", "dusk", "evening"}, []string{"bei sonnenuntergang", "abends", "abend", "am abend"}},
	{"on a beach", []string{"on a beach", "on the sand", "at the seaside", "by the sea"}, []string{"at the beach", "on the beach", "a beach"}, []string{"am strand", "auf einem strand"}},
	{"in the snow", []string{"in the snow", "in winter", "on snow", "in a snowy landscape"}, []string{"winter", "snowy", "snow"}, []string{"im schnee", "winter", "im winter"}},
	{"at sea", []string{"at sea", "on the water", "in the ocean", "over the sea"}, []string{"on the sea", "on water"}, []string{"auf dem meer", "auf see", "auf dem wasser"}},
	{"indoors", []string{"indoors", "in a room", "inside a house", "on the floor of a room"}, []string{"inside"}, []string{"drinnen", "im haus", "in einem zimmer", "innen"}},
	{"a plain background", []string{"on a white background", "on a plain background", "against a plain wall", "isolated on a white background", "on a blue background", "on a red background", "on a green background"}, []string{"on white", "plain"}, []string{"vor einem einfarbigen hintergrund"}},
	{"in space", []string{"in space", "in outer space", "among the stars in space"}, []string{"space", "outer space"}, []string{"im weltraum", "im all", "im weltall"}},
}

// settingOf is the name of a setting by a phrase of a question, "" if there is none.
func settingOf(phrase string) string {
	phrase = strings.TrimSpace(phrase)
	for _, in := range []string{" in this picture", " in the picture", " here", " in this image", " in the image", " auf dem bild", " hier"} {
		phrase = strings.TrimSuffix(phrase, in)
	}
	for _, s := range settings {
		if s.name == phrase || slices.Contains(s.say, phrase) || slices.Contains(s.asked, phrase) || slices.Contains(s.germans, phrase) {
			return s.name
		}
	}
	return ""
}
