"""From bytes to syntax trees: loading text, recognising its format, reading protobuf text and JSON."""
