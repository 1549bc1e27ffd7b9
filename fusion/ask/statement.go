package ask

import "strings"

// statement is an answer and the captions that say it: their vectors are averaged.
type statement struct {
	answer   string
	captions []string
	where    string // the thing or scene that the answer speaks of, for the map
}

// pictured are the templates of a phrase.
var pictured = []string{"{}", "a picture of {}", "an image of {}", "there is {}"}

func ensemble(phrase string) []string {
	out := make([]string, len(pictured))
	for i, t := range pictured {
		out[i] = strings.ReplaceAll(t, "{}", phrase)
	}
	return out
}

func all(phrases []string) (out []string) {
	for _, p := range phrases {
		out = append(out, p)
		out = append(out, "a picture of a scene "+p)
	}
	return out
}

var related = map[string][]string{
	"left":  {"{a} to the left of {b}", "{a} left of {b}", "{a} on the left and {b} on the right"},
	"right": {"{a} to the right of {b}", "{a} right of {b}", "{a} on the right and {b} on the left"},
	"above": {"{a} above {b}", "{a} over {b}", "{a} on top and {b} at the bottom"},
	"below": {"{a} below {b}", "{a} under {b}", "{a} at the bottom and {b} at the top"},
}

var placed = map[string][]string{
	"left":  {"{} on the left", "{} on the left side", "{} in the left part of the picture"},
	"right": {"{} on the right", "{} on the right side", "{} in the right part of the picture"},
	"above": {"{} at the top", "{} in the upper part of the picture"},
	"below": {"{} at the bottom", "{} in the lower part of the picture"},
}

// statements are the answers that a question may have, of those in vocabulary.
func (q Question) statements(vocabulary []string) []statement {
	switch q.Kind {
	case Exist:
		return []statement{{"yes", ensemble(article(q.Subject)), article(q.Subject)}}
	case What:
		return nounsOf(vocabulary)
	case Choice:
		return nounsOf(q.Choices)
	case Colour:
		return each(colours, func(c string) statement {
			p := article(c + " " + q.Subject)
			return statement{c, ensemble(p), p}
		})
	case Count:
		return q.counts()
	case Place:
		return each(relative, func(r string) statement {
			return statement{placeName[r], filled(placed[r], "{}", article(q.Subject)), article(q.Subject)}
		})
	case Beside:
		return each(vocabulary, func(n string) statement { return statement{n, relationOf(q.Relation, n, q.Object), article(n)} })
	case Relation:
		where := article(q.Subject)
		return []statement{{"yes", relationOf(q.Relation, q.Subject, q.Object), where}, {"no", relationOf(inverse[q.Relation], q.Subject, q.Object), where}}
	case Time:
		return []statement{{"day", all(settings[0].say), settings[0].say[0]}, {"night", all(settings[1].say), settings[1].say[0]}}
	}
	var out []statement // Setting, Is
	for _, s := range settings {
		out = append(out, statement{s.name, all(s.say), s.say[0]})
	}
	return out
}

func (q Question) counts() (out []statement) {
	for i, n := range numbers {
		p := n + " " + plural(q.Subject)
		if i == 0 {
			p = article(q.Subject)
		}
		out = append(out, statement{[]string{"1", "2", "3", "4"}[i], ensemble(p), article(q.Subject)})
	}
	return out
}

func each(list []string, f func(string) statement) []statement {
	out := make([]statement, len(list))
	for i, s := range list {
		out[i] = f(s)
	}
	return out
}

func nounsOf(list []string) []statement {
	return each(list, func(n string) statement { return statement{n, ensemble(article(n)), article(n)} })
}

func filled(templates []string, slot, with string) []string {
	out := make([]string, len(templates))
	for i, t := range templates {
		out[i] = strings.ReplaceAll(t, slot, with)
	}
	return out
}

func relationOf(relation, a, b string) []string {
	return filled(filled(related[relation], "{a}", article(a)), "{b}", article(b))
}
