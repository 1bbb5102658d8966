"""The page about what is kept of visitors and for how long, and the deletion of all of it."""
