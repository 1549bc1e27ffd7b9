package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The tools that agents get over MCP, at /mcp and over the standard streams. Hits
// come with small pictures, as many as fit into a budget: an agent pays for each.

const (
	mcpHits      = 10
	mcpMostHits  = 50
	mcpSide      = 160       // pixels of the longer side
	mcpPictures  = 256 << 10 // bytes of all pictures of an answer
	mcpLeast     = 1 << 10   // that a picture takes
	mcpMostTexts = 32
)

type mcpSearch struct {
	Library        string   `json:"library,omitempty" jsonschema:"name of the library; default: the first one, see libraries"`
	Query          string   `json:"query,omitempty" jsonschema:"what to look for, in words; join parts with ' + ' and ' - '"`
	Filter         string   `json:"filter,omitempty" jsonschema:"a condition such as year>=2020 and tag:beach"`
	Limit          int      `json:"limit,omitempty" jsonschema:"most hits, 1 to 50; default 10"`
	MinProbability *float64 `json:"min_probability,omitempty" jsonschema:"leave out hits below, 0 to 1; default 0.2"`
}

type mcpSimilar struct {
	Library string `json:"library,omitempty" jsonschema:"name of the library; default: the first one"`
	ID      string `json:"id" jsonschema:"id of a document, from a hit"`
	Limit   int    `json:"limit,omitempty" jsonschema:"most hits, 1 to 50; default 10"`
}

type mcpEmbed struct {
	Model string   `json:"model,omitempty" jsonschema:"name of the model; default: the first one"`
	Texts []string `json:"texts" jsonschema:"texts to turn into vectors, at most 32"`
}

type mcpVectors struct {
	Model   string      `json:"model"`
	Vectors [][]float32 `json:"vectors"`
}

// mcpRoutes serve MCP over HTTP. Every request stands alone, so that nothing has
// to be kept of agents that never say goodbye.
func (s *Server) mcpRoutes() []route {
	h := mcp.NewStreamableHTTPHandler(func(r *http.Request) *mcp.Server { return s.MCP(callerOf(r)) },
		// The guard has checked the host already, by a longer list.
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true, MaxRequestBodyBytes: 1 << 20, DisableLocalhostProtection: true})
	handle := func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
	return []route{{method: "POST", path: "/mcp", scope: ScopeSearch, handle: handle, doc: "Model Context Protocol: the tools search, similar, libraries, ask, embed."}}
}

// MCP returns the tools that a caller may use; nil is everybody on this machine.
func (s *Server) MCP(c *Caller) *mcp.Server {
	if c == nil {
		c = everyone
	}
	m := mcp.NewServer(&mcp.Implementation{Name: "emblem", Title: "emblem: search pictures by meaning", Version: s.Version}, nil)
	if c.may(ScopeSearch) && s.Libraries != nil {
		mcp.AddTool(m, &mcp.Tool{Name: "libraries", Description: "List the libraries of pictures that can be searched."}, s.mcpLibraries(c))
		mcp.AddTool(m, &mcp.Tool{Name: "search", Description: "Find pictures by what they show. Each hit has a probability that it is what was meant; no hits means that nothing matches."}, s.mcpSearch(c))
		mcp.AddTool(m, &mcp.Tool{Name: "similar", Description: "Find pictures that are like one that was found."}, s.mcpSimilar(c))
	}
	if c.may(ScopeAsk) && len(s.encoders) > 0 {
		mcp.AddTool(m, &mcp.Tool{Name: "ask", Description: "Answer a simple question about one picture or about all of a library: with a probability, or \"I don't know\". Pictures that the answer rests on are cited."}, s.mcpAsk(c))
	}
	if c.may(ScopeEmbed) && len(s.encoders) > 0 {
		mcp.AddTool(m, &mcp.Tool{Name: "embed", Description: "Turn texts into vectors of the space that the pictures live in."}, s.mcpEmbed)
	}
	return m
}

func (s *Server) mcpLibraries(c *Caller) mcp.ToolHandlerFor[struct{}, libraryList] {
	return func(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, libraryList, error) {
		list, err := s.librariesOf(ctx, c)
		return nil, libraryList{"list", list}, mcpError(err)
	}
}

func (s *Server) mcpSearch(c *Caller) mcp.ToolHandlerFor[mcpSearch, any] {
	return func(ctx context.Context, _ *mcp.CallToolRequest, in mcpSearch) (*mcp.CallToolResult, any, error) {
		cut := 0.2
		if in.MinProbability != nil {
			cut = *in.MinProbability
		}
		if in.Query == "" {
			cut = 0
		}
		return s.mcpHits(ctx, c, in.Library, in.Limit, &searchBody{Query: in.Query, wishes: wishes{Filter: in.Filter, MinProbability: &cut}})
	}
}

func (s *Server) mcpSimilar(c *Caller) mcp.ToolHandlerFor[mcpSimilar, any] {
	return func(ctx context.Context, _ *mcp.CallToolRequest, in mcpSimilar) (*mcp.CallToolResult, any, error) {
		return s.mcpHits(ctx, c, in.Library, in.Limit, &searchBody{Terms: []termBody{{Document: &in.ID}}})
	}
}

// mcpHits searches and shows what was found.
func (s *Server) mcpHits(ctx context.Context, c *Caller, library string, limit int, body *searchBody) (*mcp.CallToolResult, any, error) {
	if limit == 0 {
		limit = mcpHits
	}
	limit = min(limit, mcpMostHits)
	body.Limit = &limit
	if library == "" {
		list, err := s.librariesOf(ctx, c)
		if err != nil {
			return nil, nil, mcpError(err)
		}
		if len(list) == 0 {
			return nil, nil, fmt.Errorf("there is no library; make one with: emblem index FOLDER")
		}
		library = list[0].Name
	}
	l, err := s.libraryOf(ctx, c, library, false)
	if err != nil {
		return nil, nil, mcpError(err)
	}
	answer, err := s.search(ctx, l, body)
	if err != nil {
		return nil, nil, mcpError(err)
	}
	return &mcp.CallToolResult{Content: s.mcpContent(ctx, l, answer)}, answer, nil
}

// mcpContent is a line of text a hit, followed by its picture as long as the
// budget lasts.
func (s *Server) mcpContent(ctx context.Context, l Library, answer *searchAnswer) []mcp.Content {
	if len(answer.Hits) == 0 {
		return []mcp.Content{&mcp.TextContent{Text: "Nothing matches."}}
	}
	var out []mcp.Content
	left := mcpPictures
	for _, h := range answer.Hits {
		out = append(out, &mcp.TextContent{Text: fmt.Sprintf("%d. %s (%s)", h.Rank, h.ID, h.likely())})
		if left < mcpLeast {
			continue
		}
		small, err := s.small(ctx, l, h.ID)
		if err != nil || len(small) > left {
			continue // the hit counts without its picture
		}
		left -= len(small)
		out = append(out, &mcp.ImageContent{Data: small, MIMEType: "image/jpeg"})
	}
	return out
}

// small is the picture of a document in an agent's size.
func (s *Server) small(ctx context.Context, l Library, id string) ([]byte, error) {
	small, _, err := s.thumbnailOf(ctx, l, id, mcpSide, "")
	return small, err
}

func (s *Server) mcpEmbed(ctx context.Context, _ *mcp.CallToolRequest, in mcpEmbed) (*mcp.CallToolResult, mcpVectors, error) {
	if len(in.Texts) > mcpMostTexts {
		return nil, mcpVectors{}, fmt.Errorf("%d texts; at most %d at once", len(in.Texts), mcpMostTexts)
	}
	req := embedRequest{model: in.Model}
	req.addTexts("texts", in.Texts)
	e, err := s.embedWhole(ctx, req)
	if err != nil {
		return nil, mcpVectors{}, mcpError(err)
	}
	return nil, mcpVectors{e.model.Name(), e.vectors}, nil
}

// mcpError is what an agent reads of an error.
func mcpError(err error) error {
	if err == nil {
		return nil
	}
	e, _ := known(err)
	return e
}
