"""Disaster recovery for Spark on Amazon EMR."""
