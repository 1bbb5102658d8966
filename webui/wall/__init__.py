"""The wall: a page for a projector, with the latest readings and the address to draw at."""
