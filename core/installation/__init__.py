"""How Juku came onto this computer, and what can be added to it: the local engine's packages, a newer version."""
