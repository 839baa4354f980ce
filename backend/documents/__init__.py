"""People's own documents: collections, reading files into passages, and the work behind them."""
