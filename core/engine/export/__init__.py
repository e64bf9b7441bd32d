"""Takes a model out of the engine: adapter, merged weights, GGUF files, and what other programs need to load them."""
