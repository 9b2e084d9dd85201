"""Officers on the ground: links to the picture of one incident, and what a phone is told of it."""
