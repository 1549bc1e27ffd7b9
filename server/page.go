package server

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// The page is plain files: nothing to compile, nothing fetched from elsewhere.
//
//go:embed page
var pageFiles embed.FS

// pageRoutes serve the page. It needs no key itself; what it asks for does.
func (s *Server) pageRoutes() []route {
	routes := []route{{method: "GET", path: "/", handle: pageFile("index.html")}}
	entries, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		panic(err) // the files are in the binary
	}
	for _, e := range entries {
		routes = append(routes, route{method: "GET", path: "/" + e.Name(), handle: pageFile(e.Name())})
	}
	return routes
}

// contentTypes are fixed here: the machine's table may have others.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".webmanifest": "application/manifest+json",
}

func pageFile(name string) handler {
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic(err)
	}
	kind := contentTypes[path.Ext(name)]
	if kind == "" {
		panic("server: no content type for " + name)
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", kind)
		if strings.HasSuffix(name, ".html") {
			w.Header().Set("Cache-Control", "no-cache")
		}
		_, err := w.Write(data)
		return err
	}
}
