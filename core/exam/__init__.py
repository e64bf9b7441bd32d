"""Exams: questions put to models, answers graded, results with their statistics."""
