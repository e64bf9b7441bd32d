"""Rescues a model that shuts down in one go: its files and rows, a job elsewhere, and one exam that old and new sit."""
