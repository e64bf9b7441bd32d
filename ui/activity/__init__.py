"""What runs and what ran, for all tabs."""
