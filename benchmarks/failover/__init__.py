"""The same disaster for this program and for the post's procedure, and what each makes of it."""
