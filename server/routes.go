package server

import "net/http"

// routes is the table of what is served. OpenAPI is made from it.
func (s *Server) routes() []route {
	var all []route
	all = append(all, s.healthRoutes()...)
	all = append(all, s.vectorRoutes()...)
	all = append(all, s.libraryRoutes()...)
	all = append(all, s.sessionRoutes()...)
	all = append(all, s.pageRoutes()...)
	return all
}

// vectorRoutes are those that turn texts and pictures into vectors, in all
// dialects.
func (s *Server) vectorRoutes() []route {
	post := func(path string, h handler) route {
		return route{method: "POST", path: path, scope: ScopeEmbed, handle: h}
	}
	get := func(path string, h handler) route {
		return route{method: "GET", path: path, scope: ScopeEmbed, handle: h}
	}
	shaped := func(r route, shape func(http.ResponseWriter, *Error)) route { r.shape = shape; return r }
	return []route{
		get("/v1/models", s.listModels),
		get("/v1/models/:model", s.getModel),
		get("/v1/models/:org/:model", s.getModel),
		get("/models", s.listModels),
		post("/v1/embeddings", s.embeddings),
		post("/embeddings", s.embeddings),
		post("/embeddings_image", s.embeddingsImage),
		post("/v1/rerank", s.rerank),
		post("/rerank", s.rerank),
		post("/v1/classify", s.classify),
		post("/classify", s.classify),
		shaped(post("/v2/embed", s.cohereEmbed), writeCohere),
		shaped(post("/embed", s.teiEmbed), writeTEI),
		shaped(post("/similarity", s.teiSimilarity), writeTEI),
		shaped(post("/api/embed", s.ollamaEmbed), writeOllama),
		shaped(get("/api/tags", s.ollamaTags), writeOllama),
		shaped(post("/vectorize", s.weaviateVectorize), writeWeaviate),
		shaped(get("/meta", s.weaviateMeta), writeWeaviate),
		shaped(post("/predict", s.immichPredict), writeImmich),
	}
}
