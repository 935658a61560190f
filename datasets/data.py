"""The data layer under its old name; its home is capture.data."""

from capture.data.open_data import Data, open_data

__all__ = ["Data", "open_data"]
