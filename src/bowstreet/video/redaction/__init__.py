"""A copy of a recording in which heads of persons and plates of vehicles are covered for good; found only to be covered, never
compared. What is covered is decided by `rules`, changed by people with a reason, and on record."""
