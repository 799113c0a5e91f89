"""Interactive sessions through the gateway: each stays on the member it began on, under a number of the ledger."""
