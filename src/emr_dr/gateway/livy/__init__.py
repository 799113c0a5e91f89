"""Livy's REST protocol as a server speaks it: routes, requests and answers as values; checked against a real Livy."""
