"""A Spark job that shows that a cluster works: it gets a driver, an executor and a Python worker, and adds numbers up.

Give it a path, say `s3://bucket/folder`, and it also writes the sum there.
"""

import sys

from pyspark.sql import SparkSession

NUMBERS = 100
EXPECTED = sum(range(NUMBERS))


def main() -> int:
    """Return 0 if the cluster adds up rightly."""
    with SparkSession.builder.appName("emr-dr-proof").getOrCreate() as spark:
        numbers = spark.sparkContext.parallelize(range(NUMBERS), 2)
        # The lambda makes a Python worker do it, on the executor.
        total = numbers.map(lambda number: number).sum()
        sys.stdout.write(f"sum {total}, expected {EXPECTED}\n")
        for path in sys.argv[1:]:
            spark.sparkContext.parallelize([str(total)], 1).saveAsTextFile(path)
    return 0 if total == EXPECTED else 1


if __name__ == "__main__":
    sys.exit(main())
