"""What the journal tells afterwards: recoveries with their steps, refusals, and the evidence behind a decision."""
