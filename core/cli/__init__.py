"""The commands of main.py: the same work without a window."""
