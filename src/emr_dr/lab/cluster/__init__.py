"""One EMR-like cluster on one loopback address: real HDFS, YARN, Livy and Spark processes, to be broken at will."""
