"""The lab's AWS: moto behind an overlay that answers what moto gets wrong or lacks."""
