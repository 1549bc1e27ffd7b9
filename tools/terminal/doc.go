// Terminal draws what a program printed at a terminal as an SVG picture, for the
// README.
//
// A screen is lines of cells; it understands colours, bold and half blocks, and
// leaves out what it does not know. Caveat: it does not move the cursor but to
// the start of the line, so it is for output, not for full-screen programs.
//
//	script -qec 'emblem search "a cat" pictures' /dev/null | go run ./tools/terminal -command 'emblem search "a cat" pictures' > docs/search.svg
package main
