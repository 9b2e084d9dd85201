"""What a fixed camera above a pavement sees: wholly synthetic people who walk past, and the truth of who it was."""
