// Package words finds documents by the words of their texts: names, captions,
// tags, folders.
//
// Its few types: Text is what a document says; Index keeps the words of many texts in
// immutable files of bleve's segment format; Query is a parsed search; Change says what
// happened since the files were written; Match is a found document.
//
// A match is a pure function of the texts and the query: the same from files, from
// texts in memory or from both, whatever was merged when. Scores are BM25F (Robertson,
// Zaragoza 2009, §3.6) over three fields with fixed reference lengths, so that another
// document's growth does not change them.
//
// Words are compared without case and accents, in about 25 languages by their stems
// too. The language of a text is told by its function words; where it is not certain,
// the stems of all languages of the script are kept.
//
// Caveat: files may be damaged at any time. Open checks them whole; a search that trips
// over one later returns an ErrDamaged, and the caller builds the files anew.
package words
