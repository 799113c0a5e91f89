"""The shell around the core: observe, decide, save with the expected version, act."""
