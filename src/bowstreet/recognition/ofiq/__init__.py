"""OFIQ, the reference implementation of ISO/IEC 29794-5, as the operator installed it: a program beside this one."""
