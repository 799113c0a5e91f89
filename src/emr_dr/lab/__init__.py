"""A local AWS with real services, faults by name, and the demo; the extra `lab` brings what it needs."""
