"""What benchmark.py measures: each file one part, each against a plain restatement of the release's way."""
