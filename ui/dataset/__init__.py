"""The question-answer grid and its dialogs."""
