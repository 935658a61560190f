"""Styles of drawing, as filters that know the figure and its IUV map."""
