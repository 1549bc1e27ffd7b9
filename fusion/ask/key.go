package ask

import "strings"

// Key is the same for questions that ask the same: "is there a dog?" and "do you see any
// dogs?". Of a question that the grammar does not cover it is its words.
func Key(question string) string {
	q, err := Parse(question)
	if err != nil {
		return normalise(question)
	}
	return strings.Join(append([]string{string(q.Kind), q.Subject, q.Object, q.Relation, q.Setting, q.Class}, q.Choices...), "|")
}
