"""Tests of the Livy gateway: what clients are told, who may ask, and what bad input cannot do."""
