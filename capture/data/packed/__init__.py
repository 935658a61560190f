"""Training samples in WebDataset shards: writing them, and streaming them while training."""
