"""A job that sleeps and then succeeds or fails, as its first argument says; a plain program, for two cores to bear."""

import sys
import time

if __name__ == "__main__":
    time.sleep(float(sys.argv[2]))  # the work that it stands for
    sys.exit(sys.argv[1] != "succeeds")
