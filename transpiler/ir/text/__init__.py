"""The graph's own text form, both ways."""
