"""Which drone, from which dock, and when; queue, pre-emption, recall. A person may always overrule."""
