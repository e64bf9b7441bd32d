"""Juku as an installed package: it holds the folders core, ui and resources, which find each other by their short names."""
