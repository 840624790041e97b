"""The views, one file per noun."""
