"""Everything that decides: pure functions over frozen values, with no clock, chance, waiting or third party."""
