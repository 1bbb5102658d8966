"""What is kept about visitors and for how long, and the deletion of all of it."""
