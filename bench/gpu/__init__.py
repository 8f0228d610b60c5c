"""One visit to a GPU: correctness first, then every kernel and engine against the roofline and against other ways."""
