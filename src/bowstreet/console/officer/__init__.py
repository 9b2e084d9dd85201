"""The page of an officer on the ground: one incident, by a link, with no account."""
