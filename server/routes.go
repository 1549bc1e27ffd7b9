package server

// routes is the table of what is served. OpenAPI is made from it.
func (s *Server) routes() []route {
	var all []route
	for _, some := range [][]route{s.healthRoutes(), s.modelRoutes(), s.parityRoutes(), s.vectorRoutes(), s.otherRoutes(), s.libraryRoutes(), s.manageRoutes(), s.heatRoutes(), s.jobRoutes(), s.statusRoutes(), s.completionRoutes(), s.chatRoutes(), s.responsesRoutes(), s.ollamaTalkRoutes(), s.askRoutes(), s.absentRoutes(), s.mcpRoutes(), s.sessionRoutes(), s.pageRoutes()} {
		all = append(all, some...)
	}
	return all
}

// modelRoutes say what is loaded.
func (s *Server) modelRoutes() []route {
	list := route{method: "GET", path: "/v1/models", scope: ScopeEmbed, handle: s.listModels, doc: "List the loaded models.", answer: modelList{}}
	plain := list
	plain.path, plain.handle, plain.answer, plain.doc = "/models", s.infinityModels, infinityList{}, "The same as Infinity says it, with how busy each model is."
	one := route{method: "GET", path: "/v1/models/:model", scope: ScopeEmbed, stamps: true, handle: s.getModel, doc: "Say what a model is.", answer: modelEntry{}}
	two := one
	two.path, two.doc = "/v1/models/:org/:model", "The same for a name with a slash."
	return []route{list, plain, one, two}
}

// vectorRoutes turn texts and pictures into vectors, in the shapes that most
// clients speak.
func (s *Server) vectorRoutes() []route {
	embed := route{method: "POST", path: "/v1/embeddings", scope: ScopeEmbed, stamps: true, handle: s.embeddings, body: embeddingsBody{}, answer: embeddingsAnswer{},
		doc: "Turn texts, token ids, pictures and sounds into vectors: OpenAI's request, with Infinity's modality, Jina's objects and vLLM's messages."}
	plain := embed
	plain.path, plain.doc = "/embeddings", "The same, at Infinity's path."
	older := embed
	older.path, older.handle, older.doc = "/embeddings_image", s.embeddingsOf("image"), "Turn pictures into vectors, at Infinity's older path."
	sounds := embed
	sounds.path, sounds.handle, sounds.doc = "/embeddings_audio", s.embeddingsOf("audio"), "Turn sounds into vectors, at Infinity's older path."
	rerank := route{method: "POST", path: "/v1/rerank", scope: ScopeEmbed, stamps: true, handle: s.rerank, body: rerankBody{},
		doc: "Order documents by their cosine to a query: Cohere's and Jina's request, or TEI's with texts."}
	rerankPlain := rerank
	rerankPlain.path, rerankPlain.doc = "/rerank", "The same, at Infinity's and TEI's path."
	classify := route{method: "POST", path: "/v1/classify", scope: ScopeEmbed, stamps: true, handle: s.classify, body: classifyBody{}, doc: "Say which of the labels each input is."}
	classifyPlain := classify
	classifyPlain.path, classifyPlain.doc = "/classify", "The same, at Infinity's path."
	return []route{embed, plain, older, sounds, rerank, rerankPlain, classify, classifyPlain}
}

// otherRoutes are those of servers with shapes of their own.
func (s *Server) otherRoutes() []route {
	return []route{
		{method: "POST", path: "/v2/embed", scope: ScopeEmbed, stamps: true, handle: s.cohereEmbed, shape: writeCohere, body: cohereBody{}, doc: "Cohere's embed."},
		{method: "POST", path: "/embed", scope: ScopeEmbed, stamps: true, handle: s.teiEmbed, shape: writeTEI, body: teiBody{}, answer: [][]float32{}, doc: "text-embeddings-inference's embed."},
		{method: "POST", path: "/similarity", scope: ScopeEmbed, stamps: true, handle: s.teiSimilarity, shape: writeTEI, answer: []float32{}, doc: "text-embeddings-inference's similarity."},
		{method: "POST", path: "/api/embed", scope: ScopeEmbed, stamps: true, handle: s.ollamaEmbed, shape: writeOllama, body: ollamaBody{}, doc: "Ollama's embed."},
		{method: "GET", path: "/api/tags", scope: ScopeEmbed, handle: s.ollamaTags, shape: writeOllama, doc: "Ollama's list of models."},
		{method: "GET", path: "/api/ps", scope: ScopeEmbed, handle: s.ollamaRunning, shape: writeOllama, doc: "Ollama's list of models in memory."},
		{method: "POST", path: "/vectorize", scope: ScopeEmbed, stamps: true, handle: s.weaviateVectorize, shape: writeWeaviate, body: weaviateBody{}, doc: "vectorize of Weaviate's multi2vec-clip."},
		{method: "GET", path: "/meta", scope: ScopeEmbed, handle: s.weaviateMeta, shape: writeWeaviate, doc: "meta of Weaviate's multi2vec-clip."},
		{method: "POST", path: "/predict", scope: ScopeEmbed, stamps: true, handle: s.immichPredict, shape: writeImmich, doc: "Immich's machine learning (multipart): the task clip; faces and text go to --immich-upstream."},
	}
}
