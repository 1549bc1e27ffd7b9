package words

import "testing"

// inflected has, for each language, captions with words that another form of is
// searched for. No language is told to anybody.
var inflected = []struct{ lang, caption, query string }{
	{"en", "Two dogs running on the beach", "dog run beaches"},
	{"en", "Kids playing", "kid played"},
	{"en", "Mountains", "mountain"},
	{"de", "Zwei Hunde am Strand", "hund strände"},
	{"de", "Häuser in den Bergen", "haus berg"},
	{"de", "Spielende Kinder", "kind"},
	{"fr", "Des chiens courent sur les plages de Bretagne", "chien plage"},
	{"fr", "Un chat noir", "chats noirs"},
	{"fr", "L'arbre et l'hiver", "arbres hivers"},
	{"es", "Dos perros corriendo en las playas", "perro playa"},
	{"es", "Niños jugando", "niño"},
	{"es", "Montaña nevada", "montañas nevadas"},
	{"it", "I gatti neri dormono sul tetto", "gatto nero"},
	{"it", "Montagne innevate", "montagna"},
	{"pt", "Os cães correm nas praias", "praia"},
	{"pt", "Casas brancas", "casa branca"},
	{"nl", "De honden lopen op het strand", "hond loop"},
	{"nl", "Bergen met sneeuw", "berg"},
	{"sv", "Hundarna springer på stranden", "hund strand"},
	{"sv", "Blommor i trädgården", "blomma trädgård"},
	{"da", "Hundene løber på stranden", "hund strand"},
	{"da", "Blomster i haven", "have blomst"},
	{"no", "Hundene løper på stranden", "hund strand"},
	{"no", "Fjellene om vinteren", "fjell vinter"},
	{"fi", "Koirat juoksevat rannalla", "koira"},
	{"fi", "Talot metsissä", "talo metsä"},
	{"pl", "Psy biegają po plażach", "plaża"},
	{"pl", "Góry i jeziora", "góra jezioro"},
	{"ro", "Doi câini pe plajele României", "câine plajă"},
	{"ro", "Munții iarna", "munți"},
	{"hu", "Kutyák futnak a tengerparton", "kutya tengerpart"},
	{"hu", "Virágok a kertben", "virág kert"},
	{"tr", "Köpekler sahilde koşuyor", "köpek sahil"},
	{"tr", "İstanbul'da evler", "istanbul evleri"},
	{"hr", "Psi trče po plažama", "plaža"},
	{"hr", "Planine i jezera", "planina jezero"},
	{"ru", "Собаки бегут по пляжу", "собака пляж"},
	{"ru", "Зимние горы", "гора зимний"},
	{"ar", "الكلاب على الشاطئ", "كلاب شاطئ"},
	{"ar", "صورة للمدينة والجبال", "مدينه جبال"},
	{"fa", "کتاب\u200cها روی میز", "کتاب"},
	{"fa", "سگ\u200cهای خانه", "سگ"},
	{"hi", "समुद्र तट पर कुत्ते", "कुत्ता"},
	{"hi", "लड़कियों की तस्वीर", "लड़की"},
	{"zh", "海滩上的两只狗", "海滩"},
	{"zh", "北京故宫的雪景", "故宫 雪"},
	{"ja", "東京タワーの夜景", "東京タワー 夜景"},
	{"ko", "해변에서 달리는 개", "해변 개"},
	{"th", "สุนัขบนชายหาด", "ชายหาด"},
	{"el", "Σκύλοι στην παραλία", "σκυλοι παραλια"},
	{"uk", "Собаки на пляжі", "собаки"},
	{"cs", "Psi na pláži", "plazi"},
	{"vi", "Bãi biển đẹp", "bai bien dep"},
}

func TestInflectedFormsAreFoundInEveryLanguage(t *testing.T) {
	s := newShelf(t)
	defer s.Close()
	var texts []Text
	for i, c := range inflected {
		texts = append(texts, Text{Ordinal: uint32(i), Values: []Value{{Prose, c.caption}}})
	}
	s.put(t, texts)
	tongues := map[string]bool{}
	for i, c := range inflected {
		tongues[c.lang] = true
		found := find(t, s.Index, c.query, Change{}, false)
		ok := false
		for _, m := range found.Matches {
			ok = ok || m.Ordinal == uint32(i)
		}
		if !ok {
			t.Errorf("%s: %q does not find %q", c.lang, c.query, c.caption)
		}
		if found.Total > 6 {
			t.Errorf("%s: %q finds %d captions", c.lang, c.query, found.Total)
		}
	}
	if len(tongues) < 20 {
		t.Errorf("the table has %d languages", len(tongues))
	}
}

func TestALanguageThatIsSaidIsBelieved(t *testing.T) {
	s := newShelf(t)
	defer s.Close()
	s.put(t, []Text{
		{Ordinal: 1, Lang: "en", Values: []Value{{Prose, "Gatti"}}},
		{Ordinal: 2, Lang: "it", Values: []Value{{Prose, "Gatti"}}},
		{Ordinal: 3, Lang: "xx", Values: []Value{{Prose, "Gatti"}}},
	})
	found := find(t, s.Index, "gatto", Change{}, false)
	if len(found.Matches) != 1 || found.Matches[0].Ordinal != 2 {
		t.Errorf("gatto found %v", found.Matches)
	}
}
