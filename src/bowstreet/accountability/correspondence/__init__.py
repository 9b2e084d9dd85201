"""What members of the public ask and complain of: taken in without sign-in, sealed, answered in time, counted in public."""
