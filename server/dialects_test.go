package server

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// dialect is a request as a client of some other server sends it, and what the
// answer has to look like: a template where RED, GREEN and CAT are the vectors of
// pictures and of the text "a cat", and ANY is anything.
type dialect struct {
	name, method, path, body string
	status                   int
	want                     string
}

var dialects = []dialect{
	{"openai, one text", "POST", "/v1/embeddings", `{"model":"fake-clip","input":"a cat"}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT}],"model":"org/fake-clip","usage":{"prompt_tokens":2,"total_tokens":2}}`},
	{"openai, a mixed list", "POST", "/v1/embeddings", `{"model":"org/fake-clip","input":["a cat","DATA_RED"],"user":"x"}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT},{"object":"embedding","index":1,"embedding":RED}],"model":"org/fake-clip","usage":{"prompt_tokens":7,"total_tokens":7,"images":1}}`},
	{"openai, token ids", "POST", "/v1/embeddings", `{"input":[IDS_CAT]}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT}],"model":"org/fake-clip","usage":ANY}`},
	{"openai, lists of token ids", "POST", "/v1/embeddings", `{"input":[[IDS_CAT],[1,2]]}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT},ANY],"model":"org/fake-clip","usage":ANY}`},
	{"openai, base64", "POST", "/v1/embeddings", `{"input":"a cat","encoding_format":"base64"}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"BASE64_CAT"}],"model":"org/fake-clip","usage":ANY}`},
	{"openai, typed parts", "POST", "/v1/embeddings", `{"input":[{"type":"text","text":"a cat"},{"type":"image_url","image_url":{"url":"DATA_GREEN"}},{"type":"input_image","image_url":"DATA_RED"}]}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT},{"object":"embedding","index":1,"embedding":GREEN},{"object":"embedding","index":2,"embedding":RED}],"model":"org/fake-clip","usage":ANY}`},
	{"infinity", "POST", "/embeddings", `{"model":"org/fake-clip","input":["DATA_RED"],"modality":"image","encoding_format":"float"}`, 200,
		`{"id":ANY,"object":"list","created":ANY,"data":[{"object":"embedding","index":0,"embedding":RED}],"model":"org/fake-clip","usage":ANY}`},
	{"infinity, older", "POST", "/embeddings_image", `{"model":"org/fake-clip","input":["DATA_RED","DATA_GREEN"]}`, 200,
		`{"id":ANY,"object":"list","created":ANY,"data":[{"object":"embedding","index":0,"embedding":RED},{"object":"embedding","index":1,"embedding":GREEN}],"model":"org/fake-clip","usage":ANY}`},
	{"infinity, its client", "POST", "/embeddings", `{"model":"org/fake-clip","input":["a"],"modality":"text","encoding_format":"float","dimensions":0,"user":null}`, 200,
		`{"id":ANY,"object":"list","created":ANY,"data":[{"object":"embedding","index":0,"embedding":ANY}],"model":"org/fake-clip","usage":ANY}`},
	{"infinity, models", "GET", "/models", ``, 200,
		`{"object":"list","data":[{"id":"org/fake-clip","object":"model","owned_by":"infinity","stats":{"queue_fraction":0,"queue_absolute":0,"results_pending":0,"batch_size":16},"backend":"emblem","capabilities":["embed","image_embed","rerank","classify"],"created":ANY,"kind":"embedding","dimensions":8,"fingerprint":ANY,"loaded":true}]}`},
	{"jina", "POST", "/v1/embeddings", `{"model":"fake-clip","normalized":true,"embedding_type":"float","input":[{"text":"a cat"},{"image":"BARE_RED"}]}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT},{"object":"embedding","index":1,"embedding":RED}],"model":"org/fake-clip","usage":ANY}`},
	{"vllm", "POST", "/v1/embeddings", `{"model":"org/fake-clip","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"DATA_RED"}}]}]}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":RED}],"model":"org/fake-clip","usage":ANY}`},
	{"vllm, text", "POST", "/v1/embeddings", `{"messages":[{"role":"user","content":"a cat"}]}`, 200,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":CAT}],"model":"org/fake-clip","usage":ANY}`},
	{"cohere", "POST", "/v2/embed", `{"model":"fake-clip","input_type":"search_query","texts":["a cat"],"embedding_types":["float","base64"]}`, 200,
		`{"id":ANY,"embeddings":{"float":[CAT],"base64":["BASE64_CAT"]},"texts":["a cat"],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":2,"images":0}}}`},
	{"cohere, pictures", "POST", "/v2/embed", `{"model":"fake-clip","images":["DATA_RED"]}`, 200,
		`{"id":ANY,"embeddings":{"float":[RED]},"texts":[],"meta":ANY}`},
	{"cohere, inputs", "POST", "/v2/embed", `{"model":"fake-clip","inputs":[{"content":[{"type":"text","text":"a cat"}]},{"content":[{"type":"image_url","image_url":{"url":"DATA_RED"}}]}]}`, 200,
		`{"id":ANY,"embeddings":{"float":[CAT,RED]},"texts":[],"meta":ANY}`},
	{"tei", "POST", "/embed", `{"inputs":["a cat"],"normalize":true,"truncate":false}`, 200, `[CAT]`},
	{"tei, too long", "POST", "/embed", `{"inputs":"one two three four five six seven"}`, 400, `{"error":ANY,"error_type":"validation"}`},
	{"tei, similarity", "POST", "/similarity", `{"inputs":{"source_sentence":"a cat","sentences":["a cat"]}}`, 200, `[1]`},
	{"tei, rerank", "POST", "/rerank", `{"query":"a cat","texts":["other things","a cat"],"return_text":true}`, 200,
		`[{"index":1,"score":ANY,"text":"a cat"},{"index":0,"score":ANY,"text":"other things"}]`},
	{"cohere, rerank", "POST", "/v1/rerank", `{"model":"fake-clip","query":"a cat","documents":["other things","a cat"],"top_n":1,"return_documents":true}`, 200,
		`{"id":ANY,"object":"rerank","model":"org/fake-clip","results":[{"index":1,"relevance_score":ANY,"document":{"text":"a cat"}}],"usage":ANY}`},
	{"jina, classify", "POST", "/v1/classify", `{"model":"fake-clip","input":[{"text":"a cat"}],"labels":["other things","a cat"]}`, 200,
		`{"model":"org/fake-clip","data":[{"object":"classification","index":0,"prediction":"a cat","score":ANY,"predictions":ANY}],"usage":ANY}`},
	{"ollama", "POST", "/api/embed", `{"model":"fake-clip:latest","input":["a cat"]}`, 200,
		`{"model":"org/fake-clip","embeddings":[CAT],"total_duration":ANY,"load_duration":0,"prompt_eval_count":2}`},
	{"ollama, tags", "GET", "/api/tags", ``, 200, `{"models":[ANY]}`},
	{"ollama, in memory", "GET", "/api/ps", ``, 200, `{"models":[ANY]}`},
	{"ollama, load", "POST", "/api/embed", `{"model":"fake-clip","keep_alive":"5m"}`, 200, `{"model":"org/fake-clip","embeddings":[],"load_duration":ANY}`},
	{"ollama, bad keep_alive", "POST", "/api/embed", `{"model":"fake-clip","keep_alive":"soon"}`, 400, `{"error":ANY}`},
	{"ollama, no such model", "POST", "/api/embed", `{"model":"llava","input":"a"}`, 404, `{"error":"the model \"llava\" is not loaded; loaded: org/fake-clip"}`},
	{"weaviate", "POST", "/vectorize", `{"texts":["a cat"],"images":["BARE_RED"]}`, 200, `{"textVectors":[CAT],"imageVectors":[RED]}`},
	{"weaviate, meta", "GET", "/meta", ``, 200, `{"model":"org/fake-clip","dimensions":8}`},
	{"weaviate, ready", "GET", "/.well-known/ready", ``, 204, ``},
}

// fill puts the real things into a template.
func fillIn(s string) string {
	cat, _, _ := (&fake{}).EncodeText("a cat")
	ids, _ := json.Marshal(cat)
	b64 := base64.StdEncoding.EncodeToString
	return strings.NewReplacer("DATA_RED", dataURL(red), "DATA_GREEN", dataURL(green), "BARE_RED", b64(red),
		"IDS_CAT", strings.Trim(string(ids), "[]")).Replace(s)
}

func TestDialects(t *testing.T) {
	f := &fake{name: "org/fake-clip"}
	s := newTest(t, Options{Embedders: []Embedder{f}})
	ids, _, _ := f.EncodeText("a cat")
	cat, _ := f.EmbedTokens(t.Context(), [][]int32{ids})
	vector := func(v []float32) string { b, _ := json.Marshal(v); return string(b) }
	picture := func(file []byte) string {
		var a embeddingsAnswer
		w := do(s, "POST", "/v1/embeddings", `{"input":"`+dataURL(file)+`"}`)
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || len(a.Data) != 1 {
			t.Fatalf("%v: %s", err, w.Body)
		}
		b, _ := json.Marshal(a.Data[0].Embedding)
		return string(b)
	}
	answers := strings.NewReplacer("BASE64_CAT", floatsBase64(cat[0]), "CAT", vector(cat[0]), "RED", picture(red), "GREEN", picture(green), "ANY", `"ANY"`)
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			w := do(s, d.method, d.path, fillIn(d.body))
			if w.Code != d.status {
				t.Fatalf("status %d, want %d: %s", w.Code, d.status, w.Body)
			}
			if d.want == "" {
				return
			}
			var got, want any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(answers.Replace(d.want)), &want); err != nil {
				t.Fatal(err)
			}
			if path := differs(want, got); path != "" {
				t.Errorf("differs at %s:\n got %s\nwant %s", path, w.Body, answers.Replace(d.want))
			}
		})
	}
}

// differs is the place of the first difference between JSON values, "" if there
// is none; "ANY" is like anything.
func differs(want, got any) string {
	switch w := want.(type) {
	case string:
		if w == "ANY" || w == got {
			return ""
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return "(keys)"
		}
		for k, v := range w {
			if p := differs(v, g[k]); p != "" {
				return "." + k + p
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return "(length)"
		}
		for i, v := range w {
			if p := differs(v, g[i]); p != "" {
				return at("", i) + p
			}
		}
		return ""
	default:
		if want == got {
			return ""
		}
	}
	return "(value)"
}
