"""The chat tab: one question, several models side by side."""
