"""Takes texts apart and compares them, in English and Japanese: sentences, quantities, near duplicates, personal data."""
