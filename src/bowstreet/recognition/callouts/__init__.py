"""Call-outs: that an alert waits, told to an officer's phone by Web Push. A convenience; no alert rests on it."""
