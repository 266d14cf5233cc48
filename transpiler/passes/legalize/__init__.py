"""Legalization: rewriting until every node has an exact spelling in the target, or saying which has none and why."""
