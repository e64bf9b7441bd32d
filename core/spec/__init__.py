"""What a person knows: the spec, its facts, and what follows them through edits."""
