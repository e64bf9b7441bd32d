"""The spec (the text that the model learns), its facts, and how their quotes follow edits."""
