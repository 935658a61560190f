"""Everything about samples: files and renderers -> batches."""
