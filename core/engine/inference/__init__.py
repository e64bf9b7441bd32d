"""Answers and vectors from the models in memory."""
