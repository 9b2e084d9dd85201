"""The simulated city: vehicles and docks as real MAVLink peers, and the same rules on a simulated clock."""
