"""TensorFlow: graphs as text and binary, and how each op is spelled there."""
