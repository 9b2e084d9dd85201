"""From a fixed camera's pictures to sightings. A face that reaches no threshold leaves nothing behind but a count (R7)."""
