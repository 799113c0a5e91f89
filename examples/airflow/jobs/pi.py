"""A Spark job to begin with: estimates pi with as many tasks as the first argument says."""

import random
import sys

from pyspark.sql import SparkSession

POINTS = 100_000


def hits(task: int) -> int:
    """How many of one task's points lie in the circle."""
    chance = random.Random(task)  # noqa: S311 - no secret hangs on it
    return sum(chance.random() ** 2 + chance.random() ** 2 <= 1 for _ in range(POINTS))


if __name__ == "__main__":
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    spark = SparkSession.builder.getOrCreate()
    inside = spark.sparkContext.parallelize(range(tasks), tasks).map(hits).sum()
    sys.stdout.write(f"Pi is roughly {4 * inside / (tasks * POINTS)}\n")
    spark.stop()
