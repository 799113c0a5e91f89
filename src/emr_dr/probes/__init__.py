"""Direct questions to a member's own services; a deadline and a size limit on everything."""
