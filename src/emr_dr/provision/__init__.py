"""Declared resources, their difference with the account, and carrying that difference out."""
