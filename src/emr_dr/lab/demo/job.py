"""The Spark batch that the demo's client submits: it computes a little, and marks which of its runs completed."""

import sys
import time
import uuid
from pathlib import Path


def main(key: str, marks: str, seconds: float) -> None:
    """Run for about `seconds`, marking the beginning and the completion of this very run of batch `key`."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only where the job runs

    run = uuid.uuid4().hex[:8]
    folder = Path(marks)
    (folder / f"{key}.{run}.started").touch()
    spark = SparkSession.builder.appName(key).getOrCreate()
    until = time.monotonic() + seconds
    total = 0
    while True:
        total += spark.sparkContext.parallelize(range(1000), 2).map(lambda x: x * x).sum()
        if time.monotonic() >= until:
            break
        time.sleep(0.5)
    spark.stop()
    (folder / f"{key}.{run}.completed").write_text(str(total))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
