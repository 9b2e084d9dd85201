"""The log of processing that DPA 2018 s.62 asks for: what was done with personal data, when, by whom, to whom, why."""
