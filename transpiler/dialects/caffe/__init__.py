"""Caffe: the schema of its files, their three generations, and the rows between its layers and the IR."""
