"""Search over the passages of documents: terms of Korean and other text, BM25, vectors, and their fusion."""
