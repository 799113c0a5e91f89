"""Whole worlds from a seed: controllers that die and stand still, what may befall them, and what must hold."""
