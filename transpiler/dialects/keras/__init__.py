"""Keras: its JSON in every generation, the tables of its layers, and the rows between its layers and the IR."""
