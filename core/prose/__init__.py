"""Takes texts apart: Markdown blocks, inline marks, sentences, clauses with their words and figures, terms."""
