"""How long personal data are kept, and what becomes of them then: one table, a worker, receipts."""
