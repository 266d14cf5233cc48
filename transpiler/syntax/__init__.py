"""Syntax trees of the notations that are read and written: protobuf text and JSON, with their printers.

The trees know positions and spelling, and nothing of any framework's schema.
"""
