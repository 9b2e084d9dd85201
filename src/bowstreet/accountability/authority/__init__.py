"""Who may do what, by whose leave: policy as data, authorisations with two persons, documents that anybody can verify."""
