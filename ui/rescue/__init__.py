"""The rescue of a model that will soon be shut down."""
