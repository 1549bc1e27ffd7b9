// Terminal draws what a program printed at a terminal as an SVG picture, for the
// README.
//
// A screen is lines of cells; it understands colours, bold, half blocks and
// iTerm2's pictures, and leaves out what it does not know. Caveat: it does not move the cursor but to
// the start of the line, so it is for output, not for full-screen programs.
//
//	echo "PS4='\$ '; set -x; emblem search 'a cat' pictures" > session
//	TERM_PROGRAM=iTerm.app script -qec "bash session" /dev/null | go run ./tools/terminal > docs/search.svg
package main
