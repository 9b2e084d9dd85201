"""A piece of city that is made up, with known truth: what stands there, who moves through it, and what a camera sees of it."""
