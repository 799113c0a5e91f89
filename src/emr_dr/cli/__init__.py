"""The command line: verbs over the service functions, tables for people and JSON for programs."""
