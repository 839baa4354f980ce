"""One module for each kind of file; each takes its bytes or its path and gives blocks."""
