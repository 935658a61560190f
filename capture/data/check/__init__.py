"""What is in a dataset folder, and everything that is wrong with it: `prepare.py check`. See check.py."""
