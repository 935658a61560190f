"""The networks of CaPTURe, taught by true targets as well, where the data has them. Not published."""
