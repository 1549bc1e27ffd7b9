// Package jinja renders the chat templates that language models come with: the part of
// Jinja 2.11 to 3.1 that they use, as transformers sets it up (trim_blocks, lstrip_blocks,
// loop controls, the tags generation, its own tojson, an immutable sandbox).
//
// [Parse] makes a [Template] of a text, [Template.Render] a string of it and its
// variables. Values are Go's nil, bool, int64, float64 and string, a [List] or a [Dict],
// which keeps the order of its keys; [FromJSON] makes them of JSON.
//
// Templates come from strangers, so rendering is bounded: in steps, in depth, in the size
// of what it makes. They reach nothing but their variables.
//
// Caveat: inheritance, imports and autoescaping are refused by name, integers have 64
// bits. Reference: jinja2's lexer.py, parser.py and filters.py; transformers'
// utils/chat_template_utils.py.
//
//	t, err := jinja.Parse("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
//	s, err := t.Render(map[string]any{"messages": messages})
package jinja
