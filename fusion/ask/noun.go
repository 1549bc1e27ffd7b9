package ask

import "strings"

// irregular are plurals that rules do not make.
var irregular = map[string]string{
	"mouse": "mice", "sheep": "sheep", "deer": "deer", "fish": "fish", "man": "men", "woman": "women", "person": "people", "child": "children",
	"goose": "geese", "ox": "oxen", "foot": "feet", "tooth": "teeth", "elf": "elves", "wolf": "wolves", "leaf": "leaves", "knife": "knives", "bison": "bison", "moose": "moose",
	"squid": "squid", "shrimp": "shrimp", "scarf": "scarves", "loaf": "loaves", "cactus": "cactuses", "bus": "buses", "photo": "photos", "piano": "pianos", "shelf": "shelves",
}

// masses have no article and no plural.
var masses = map[string]bool{
	"bread": true, "rice": true, "meat": true, "money": true, "corn": true, "milk": true, "wine": true, "beer": true, "coffee": true, "honey": true, "butter": true, "cheese": true,
	"fire": true, "snow": true, "water": true, "soap": true, "glasses": true, "sunglasses": true, "scissors": true, "jeans": true, "trousers": true, "grass": true, "lightning": true,
}

func head(noun string) (rest, last string) {
	if i := strings.LastIndexByte(noun, ' '); i >= 0 {
		return noun[:i+1], noun[i+1:]
	}
	return "", noun
}

// plural of an English noun, by its last word.
func plural(noun string) string {
	rest, w := head(noun)
	if p, ok := irregular[w]; ok {
		return rest + p
	}
	switch {
	case masses[w]:
		return noun
	case strings.HasSuffix(w, "y") && len(w) > 1 && !strings.ContainsRune("aeiou", rune(w[len(w)-2])):
		return rest + w[:len(w)-1] + "ies"
	case endsIn(w, "s", "x", "z", "ch", "sh"):
		return rest + w + "es"
	case w == "tomato", w == "potato", w == "mango", w == "hero", w == "volcano", w == "tornado", w == "mosquito", w == "buffalo":
		return rest + w + "es"
	}
	return rest + w + "s"
}

// singular is what plural undoes; what is no plural stays.
func singular(noun string) string {
	rest, w := head(noun)
	for one, many := range irregular {
		if w == many {
			return rest + one
		}
	}
	switch {
	case masses[w], irregular[w] != "", endsIn(w, "ss", "us", "is"), len(w) < 3:
		return noun
	case strings.HasSuffix(w, "ies") && len(w) > 4:
		return rest + w[:len(w)-3] + "y"
	case endsIn(w, "ses", "xes", "zes", "ches", "shes", "toes"):
		if known(rest + w[:len(w)-1]) { // horses
			return rest + w[:len(w)-1]
		}
		return rest + w[:len(w)-2]
	case strings.HasSuffix(w, "s"):
		if known(noun) {
			return noun
		}
		return rest + w[:len(w)-1]
	}
	return noun
}

func endsIn(w string, ends ...string) bool {
	for _, e := range ends {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

// bare is a noun phrase without what introduces it.
func bare(s string) string {
	s = strings.TrimSpace(s)
	for _, a := range []string{"a ", "an ", "the ", "any ", "some ", "my ", "one ", "ein ", "eine ", "einen ", "einem ", "einer ", "der ", "die ", "das ", "den ", "dem "} {
		if t, ok := strings.CutPrefix(s, a); ok {
			return strings.TrimSpace(t)
		}
	}
	return s
}

// thing is the singular of a noun phrase.
func thing(s string) string { return singular(bare(s)) }

// article is a noun phrase with a or an.
func article(noun string) string {
	_, last := head(noun)
	switch {
	case noun == "", masses[last]:
		return noun
	case strings.ContainsRune("aeio", rune(noun[0])), strings.HasPrefix(noun, "umb"):
		return "an " + noun
	}
	return "a " + noun
}
