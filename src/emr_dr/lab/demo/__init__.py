"""The whole story in one command: a lab, real batches, an AZ that dies, the recovery, a report."""
