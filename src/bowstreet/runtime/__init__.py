"""Bus, store, clock, ids, configuration, logs, metrics; embedded drivers behind ports that others can fill."""
