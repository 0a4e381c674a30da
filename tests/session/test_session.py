# SPDX-License-Identifier: Apache-2.0
"""How programs end that start Kokkos late, twice, with strange thread counts, or let it go first.   test_session.py PROGRAM"""
import os
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else None


class Life(unittest.TestCase):
    def ends(self, way, status=0, says="done", **variables):
        done = subprocess.run([PROGRAM, way], capture_output=True, text=True, timeout=60, env={**os.environ, **variables})
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        self.assertIn(says, done.stdout)

    def test_models_outlive_kokkos(self):
        self.ends("outlive")
        self.ends("outlive a guard of one's own")

    def test_backbones_open_before_it(self):
        self.ends("open before")

    def test_engines_need_it(self):
        self.ends("engine before", 1, "an engine needs Kokkos, which has not been started: keep a peft::Session")
        self.ends("engine after", 1, "an engine needs Kokkos, which has been finalized: keep a peft::Session")

    def test_it_starts_once(self):
        self.ends("twice", 1, "it cannot start again")

    def test_threads(self):
        self.ends("threads")
        self.ends("threads", OMP_NUM_THREADS="3", OMP_PROC_BIND="spread")
        for count in ("600", "100000"):  # Kokkos' array is of 512, and it would start them all
            self.ends("threads", OMP_NUM_THREADS=count)
        self.ends("many threads", 1, "a session of 513 Kokkos threads: from 1 to 512")
        for count in ("0", "-1", "many", "513", ""):
            self.ends("threads", 1, f"KOKKOS_NUM_THREADS={count}: Kokkos takes a number of threads from 1 to 512", KOKKOS_NUM_THREADS=count)


if __name__ == "__main__":
    unittest.main()
