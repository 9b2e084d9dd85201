"""One fuzz target a parser: `fuzz_<name>.fuzz_one(data)` must return, whatever the bytes."""
