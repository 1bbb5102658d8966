"""Prompted collection: people draw the digits that they are asked for, so labels come free."""
