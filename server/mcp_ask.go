package server

import (
	"context"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type mcpAsk struct {
	Question   string   `json:"question" jsonschema:"a simple question, such as: is there a dog? what colour is the car? how many of my pictures show a dog?"`
	Library    string   `json:"library,omitempty" jsonschema:"name of the library; default: the first one"`
	Document   string   `json:"document,omitempty" jsonschema:"id of one picture, from a hit; without it the whole library is asked"`
	Image      string   `json:"image,omitempty" jsonschema:"a picture as a data URL, in the place of document"`
	Candidates []string `json:"candidates,omitempty" jsonschema:"the answers to choose from; then any question will do"`
	Evidence   bool     `json:"evidence,omitempty" jsonschema:"also say where in the picture the answer was seen"`
}

// mcpAsk answers a question about a picture or a library.
func (s *Server) mcpAsk(c *Caller) mcp.ToolHandlerFor[mcpAsk, any] {
	return func(ctx context.Context, _ *mcp.CallToolRequest, in mcpAsk) (*mcp.CallToolResult, any, error) {
		b := &askBody{Question: in.Question, Library: in.Library, Candidates: in.Candidates, Evidence: in.Evidence}
		if in.Document != "" {
			b.Document = &in.Document
		}
		if in.Image != "" {
			b.Image = &in.Image
		}
		if err := s.checkAsked(b); err != nil {
			return nil, nil, mcpError(err)
		}
		a, err := s.answer(ctx, c, b, nil)
		if err != nil {
			return nil, nil, mcpError(err)
		}
		return &mcp.CallToolResult{Content: s.mcpCited(ctx, c, a)}, a, nil
	}
}

// mcpCited is the answer in a line, and the pictures that it rests on.
func (s *Server) mcpCited(ctx context.Context, c *Caller, a *askAnswer) []mcp.Content {
	line := fmt.Sprintf("%s (probability %.2f)", a.Answer, a.Probability)
	if a.Abstained {
		line = a.Answer + "."
	}
	out := []mcp.Content{&mcp.TextContent{Text: line}}
	if len(a.Annotations) == 0 {
		return out
	}
	l, err := s.libraryOf(ctx, c, a.Library, false)
	if err != nil {
		return out
	}
	left := mcpPictures
	for _, x := range a.Annotations {
		out = append(out, &mcp.TextContent{Text: fmt.Sprintf("%s: %s (probability %.2f)", x.ID, x.Answer, x.Probability)})
		if small, err := s.small(ctx, l, x.ID); err == nil && len(small) <= left {
			left -= len(small)
			out = append(out, &mcp.ImageContent{Data: small, MIMEType: "image/jpeg"})
		}
	}
	return out
}
