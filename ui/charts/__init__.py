"""Charts that several tabs show."""
