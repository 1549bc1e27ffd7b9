package calibrate

import "slices"

// Captions are descriptions of everyday things. A Background wants their vectors,
// in any order: with them it knows how high ordinary words score.
func Captions() []string { return slices.Clone(captions) }

var captions = []string{
	"a photo of a person", "a group of people", "a child playing", "a dog", "a cat", "a bird in the sky", "a horse in a field", "a fish",
	"a car on a road", "a bicycle", "a train", "an airplane", "a boat on the water", "a house", "a city street at night", "a tall building",
	"a mountain", "a beach", "a forest", "a flower", "a sunset", "snow", "a plate of food", "a cup of coffee",
	"a table and chairs", "a computer on a desk", "a book", "a page of text", "a map", "a drawing", "clothes", "a musical instrument",
	"a photo of a bench", "a photo of an elephant", "a photo of a bear", "a photo of a backpack",
	"a photo of an umbrella", "a photo of a suitcase", "a photo of a ball", "a photo of a kite",
	"a photo of a bottle", "a photo of a glass of wine", "a photo of a knife", "a photo of a bowl of fruit",
	"a photo of an apple", "a photo of a pizza", "a photo of a cake", "a photo of a chair",
	"a photo of a bed", "a photo of a toilet", "a photo of a television", "a photo of a phone",
	"a photo of an oven", "a photo of a clock", "a photo of a vase of flowers", "a photo of a pair of scissors",
	"a photo of a teddy bear", "a photo of a tree", "a photo of a lamp", "a photo of a pair of shoes",
	"a photo of a bus", "a photo of a truck", "a photo of a motorcycle", "a photo of a guitar",
}
