package ask

import "strings"

const (
	enHere  = `(?: (?:in|on|of) (?:the|this|that) (?:picture|image|photo|scene|drawing|illustration)| here| visible| shown)?`
	enBe    = `(?:is|are)`
	enRel   = `(?P<rel>to the left of|to the right of|on the left of|on the right of|left of|right of|on the left side of|on the right side of|above|over|on top of|below|under|underneath|beneath)`
	enThing = `(?P<x>[\p{L}\d' -]+?)`
	enOther = `(?P<y>[\p{L}\d' -]+?)`
	enMany  = `(?:my|the|these|our|all|all my|all the)? ?(?:pictures|images|photos|drawings|illustrations)`
)

// english are the forms of English, the first that fits counts.
var english = []form{
	reads(Exist, `(?:how many|which|what) (?:of )?`+enMany+`(?: (?:show|have|contain|with|of|depict|are of|show me|feature|include|are there (?:of|with)) | there are with )`+enThing+`(?: in (?:them|it))?(?: are there| do i have)?`, collection),
	reads(Exist, `(?:(?:in )?how many `+enMany+` (?:is|are) there|(?:do|does) any (?:of )?`+enMany+` show|(?:is|are) there any `+enMany+` (?:of|with)) `+enThing, collection),
	reads(Is, `how many (?:of )?`+enMany+` (?:are|were taken|show|are taken|are set) `+`(?P<z>.+)`, setting, collection),
	reads(Count, `how many `+enThing+`(?: (?:is|are) (?:there|visible|shown)| (?:do|can) you (?:see|count)|)`+enHere, things),
	reads(Count, `what is the number of `+enThing+enHere, things),
	reads(Count, `(?:count|number of) (?:the )?`+enThing+enHere, things),
	reads(Colour, `(?:what|which) colou?r (?:is|are|has|have) (?:the |this |that |these |those )?`+enThing+enHere, things),
	reads(Colour, `what is the colou?r of (?:the |this |that )?`+enThing+enHere, things),
	reads(Time, `is (?:it|this) (?:day|daytime|night|nighttime) or (?:day|daytime|night|nighttime)`+enHere),
	reads(Time, `what time (?:of day|of the day) is (?:it|this)`+enHere+`|what is the time of day`+enHere),
	reads(Choice, `(?:is|are) (?:it|this|that|there|these|they) (?:an? |the )?`+enThing+`,? or (?:an? |the )?`+enOther+enHere, choices),
	reads(Choice, `(?:what|which) is (?:it|this|there|shown)(?: in the picture)?[,:]? (?:an? |the )?`+enThing+`,? or (?:an? |the )?`+enOther, choices),
	reads(Relation, enBe+` the `+enThing+` `+enRel+` (?:the |an? )?`+enOther+enHere, relation, things),
	reads(Relation, enBe+` there an? `+enThing+` `+enRel+` (?:the |an? )?`+enOther+enHere, relation, things),
	reads(Is, `(?:is|was) (?:it|this|that|the (?:picture|image|photo|scene))(?: taken| set)? `+`(?P<z>.+)`, setting),
	reads(Exist, enBe+` there (?:an? |any |some |the |one )?`+enThing+enHere, things),
	reads(Exist, `(?:do|can|could) (?:you|we) (?:see|find|spot) (?:an? |any |some |the )?`+enThing+enHere, things),
	reads(Exist, `(?:does|do) (?:the|this|that|these) (?:picture|image|photo|scene|drawing|illustration)s? (?:show|contain|have|include|depict) (?:an? |any |some |the )?`+enThing, things),
	reads(Exist, `is (?:this|it|that) (?:an? |the )`+enThing+enHere, things),
	reads(Beside, `(?:what|who) (?:is|are|stands|lies)(?: there| it)? `+enRel+` (?:the |an? )?`+enOther+enHere, relation, things),
	reads(Place, `(?:where|on which side|on what side|in which part)(?: of the (?:picture|image|photo))? (?:is|are) (?:the |an? )`+enThing+enHere, things),
	reads(Setting, `where (?:is|was) (?:it|this|that)(?: taken)?`+enHere+`|what is (?:in )?(?:the )?(?:background|setting|place|scenery)`+enHere),
	reads(What, `(?:what|who) (?:is|are|do you see|can you see|can be seen|does it show|does (?:the|this) (?:picture|image|photo) show|is in|is on)(?: (?:it|this|that|there|these|shown|depicted|visible))?`+enHere+`|(?:what|who) is (?:in|on) (?:it|this|that|here)|(?:what|who) (?:is )?(?:the )?(?:main )?(?:object|thing|subject)(?: is (?:it|this|there|shown))?`+enHere+`|(?:what|which) (?:object|thing) is (?:it|this|that|shown|there|visible)`+enHere+`|describe (?:it|this|the picture|the image|this picture|this image)`),
	reads(What, `(?:what|which)(?: kind of| sort of| type of)? (?P<class>[\p{L}]+) (?:is|are) (?:it|this|that|there|these|shown|visible|in)`+enHere+`|(?:what|which)(?: kind of| sort of| type of)? (?P<class2>[\p{L}]+) (?:is|are)`+enHere, class),
}

var relations = map[string]string{
	"to the left of": "left", "left of": "left", "on the left of": "left", "on the left side of": "left",
	"to the right of": "right", "right of": "right", "on the right of": "right", "on the right side of": "right",
	"above": "above", "over": "above", "on top of": "above", "below": "below", "under": "below", "underneath": "below", "beneath": "below",
	"links von": "left", "links neben": "left", "rechts von": "right", "rechts neben": "right", "über": "above", "oberhalb von": "above", "unter": "below", "unterhalb von": "below",
}

func relation(q *Question, m map[string]string) bool {
	q.Relation = relations[m["rel"]]
	return q.Relation != ""
}

func collection(q *Question, _ map[string]string) bool {
	q.Collection = true
	q.Subject, q.Object = thing(q.Subject), thing(q.Object)
	return true
}

func choices(q *Question, _ map[string]string) bool {
	for _, part := range append(strings.Split(q.Subject, ", "), q.Object) {
		q.Choices = append(q.Choices, bare(part))
	}
	q.Subject, q.Object = "", ""
	return true
}

// setting reads the part z of a question: at night, in the snow.
func setting(q *Question, m map[string]string) bool {
	q.Setting = settingOf(m["z"])
	q.Subject, q.Object = "", ""
	return q.Setting != ""
}

// notThings are words of questions of other families: what they ask is not covered.
var notThings = []string{"it", "this", "that", "there", "they", "he", "she", "happening", "going on", "wrong", "best", "doing", "mean", "say", "says"}

// things makes the slots singular and without articles; one that is no thing is not read.
func things(q *Question, _ map[string]string) bool {
	for _, slot := range []*string{&q.Subject, &q.Object} {
		*slot = thing(*slot)
		words := strings.Fields(*slot)
		if len(words) > 5 {
			return false
		}
		for _, no := range notThings {
			if *slot == no || strings.HasPrefix(*slot, no+" ") || strings.HasSuffix(*slot, " "+no) {
				return false
			}
		}
		for _, w := range words {
			if known(*slot) { // fork and knife
				break
			}
			switch w {
			case "or", "and", "who", "what", "that", "which", "if", "because", "not", "doing", "oder", "und":
				return false
			}
		}
	}
	return true
}

func class(q *Question, m map[string]string) bool {
	q.Class = m["class"] + m["class2"]
	switch q.Class {
	case "object", "thing":
		q.Class = ""
		return true
	}
	q.Class = singular(q.Class)
	return len(classes[q.Class]) > 0
}
