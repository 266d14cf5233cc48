"""Learned arrays: by name and role, in one canonical order."""
