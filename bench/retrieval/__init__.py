"""How well and how fast documents are searched (`docs/retrieval.md` explains the figures)."""
