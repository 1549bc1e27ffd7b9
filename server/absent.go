package server

import (
	"net/http"
)

// absentRoutes are those of models that draw. None of that kind can be loaded yet;
// clients are told so in the words of the route they know.
func (s *Server) absentRoutes() []route {
	var out []route
	for path, what := range map[string]string{
		"/v1/images/generations": "draws", "/v1/images/edits": "draws", "/v1/images/variations": "draws",
	} {
		out = append(out, route{method: "POST", path: path, scope: ScopeDraw, handle: absent(what), doc: "No model that " + what + " is loaded: always 404."})
	}
	return out
}

func absent(what string) handler {
	return func(http.ResponseWriter, *http.Request) error { return noModel(what) }
}

// noModel is the error where no model of a kind is loaded.
func noModel(what string) error {
	return refuse(http.StatusNotFound, "model_not_found", "model", "no model that %s is loaded; GET /v1/models lists what is", what)
}
