"""What a look at all rows together finds."""
