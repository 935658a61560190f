"""The methods that can be trained and compared, behind one contract (base.py), a room each."""
