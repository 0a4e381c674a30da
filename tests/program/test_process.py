# SPDX-License-Identifier: Apache-2.0
"""The program as a process: signals in every phase, descriptors that are closed or full, limits, numbers of threads.
test_process.py PROGRAM [unittest options]       PEFT_WIDE=1: every signal in every phase"""
import fcntl
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from sandbox import ROOT, ProgramCase, csv, held, sentences

WIDE = bool(os.environ.get("PEFT_WIDE"))
# Where a signal comes: as the unit opens the file whose path holds this.
BEFORE_TRAINING = {"loading": "/vocab.txt", "reading": "/train.csv", "tokenizing": "/dev.csv"}
AFTER_TRAINING = {"saving": "/.adapter_model.safetensors", "reporting": ".run.json", "predicting": ".rows.tsv", "exporting": "/.model.safetensors"}
PHASES = {**BEFORE_TRAINING, "training": "/.run.safetensors", **AFTER_TRAINING}
RESULTS = ("out/adapter_model.safetensors", "out/adapter_config.json", "rows.tsv", "export/model.safetensors", "export/config.json")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)
BOUND = 20  # seconds in which every run must have ended; they take a tenth of one


def setUpModule():
    """The library that raises a signal where a file is opened."""
    global AT_OPEN, holder
    holder = tempfile.TemporaryDirectory(prefix="peft_at_open_")
    unittest.addModuleCleanup(holder.cleanup)
    AT_OPEN = pathlib.Path(holder.name) / "at_open.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise unittest.SkipTest("there is no C compiler for the library that raises signals")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", AT_OPEN, pathlib.Path(__file__).parent / "at_open.c", "-ldl"], check=True)


class Case(ProgramCase):
    def ends(self, status, *words, process=None, **given):
        """Runs it to its end, with this status and these words on standard error; leaves nothing half written."""
        process = process or self.box.start(**given)
        _, errors = process.communicate(timeout=BOUND)
        self.assertEqual(process.returncode, status, errors)
        for word in words:
            self.assertIn(word, errors)
        self.clean()
        return errors

    def clean(self):
        left = [p.name for p in self.box.path.rglob(".*") if p.suffix == ".tmp" or p.name.startswith(".finetune")]
        self.assertEqual(left, [])

    def results(self):
        return {name: (self.box.path / name).read_bytes() for name in RESULTS}

    def forget(self):
        for name in ("out", "export", "rows.tsv", "run.json"):
            path = self.box.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    RUN = {"epochs": 2, "out": "out", "export": "export", "predict": "rows.tsv", "json": "run.json", "checkpoint_steps": 1, "dropout": 0.1}

    def at(self, phase, number, **more):
        return self.box.start(**self.RUN, environment={"LD_PRELOAD": str(AT_OPEN), "AT_PATH": PHASES[phase], "AT_SIGNAL": str(int(number))}, **more)


class Signals(Case):
    def setUp(self):
        super().setUp()
        self.good(**self.RUN)
        self.whole = self.results()
        self.report = self.box.json("run.json")
        self.forget()

    def resumes(self):
        self.good("--resume", **self.RUN)
        self.assertEqual(self.results(), self.whole)
        report = self.box.json("run.json")
        for key in ("dev", "loss", "scores", "steps"):
            self.assertEqual(report[key], self.report[key], key)
        self.clean()
        self.forget()

    def test_every_phase(self):
        for phase in PHASES:
            for number in ENDING if WIDE or phase in ("tokenizing", "training", "saving") else (signal.SIGINT,):
                with self.subTest(phase=phase, signal=number.name):
                    errors = self.ends(128 + number, "interrupted: stopping", process=self.at(phase, number))
                    self.assertIn("nothing of a training is saved" if phase in BEFORE_TRAINING else "--resume", errors.splitlines()[-1])
                    self.assertEqual(len(errors.strip().splitlines()), 2, errors)
                    self.assertEqual((self.box.path / "out/adapter_model.safetensors").exists(), phase in AFTER_TRAINING)
                    # What comes later is not begun; the predictions, which are made while they are written, are given up.
                    for later, name in (("reporting", "run.json"), ("exporting", "rows.tsv"), ("exporting", "export/model.safetensors")):
                        begun = list(PHASES).index(phase) >= list(PHASES).index(later)
                        self.assertEqual((self.box.path / name).exists(), begun, name)
                    self.resumes()

    def test_what_is_ignored_stays_ignored(self):
        for number in (signal.SIGINT, signal.SIGHUP):
            for phase in PHASES if WIDE else ("training", "predicting"):
                with self.subTest(phase=phase, signal=number.name):
                    self.ends(0, process=self.at(phase, number, before=lambda: signal.signal(number, signal.SIG_IGN)))
                    self.assertEqual(self.results(), self.whole)
                    self.forget()

    def test_ended_at_once(self):
        """Signals that leave no time: whatever was saved goes on to the same end."""
        for number in (signal.SIGQUIT, signal.SIGKILL):
            for phase in PHASES if WIDE else ("training", "saving", "exporting"):
                with self.subTest(phase=phase, signal=number.name):
                    process = self.at(phase, number, before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
                    process.communicate(timeout=BOUND)
                    self.assertEqual(process.returncode, -number)
                    self.resumes()

    def test_evaluating(self):
        """Between two batches of the dev split, before the epoch is closed."""
        self.box.write("data/dev.csv", csv(sentences(20000, 2)))
        given = {"epochs": 1, "out": "out", "predict": "rows.tsv", "limit": 8, "workers": 1}
        began = time.monotonic()
        self.good(**given)
        whole, rows = time.monotonic() - began, (self.box.path / "rows.tsv").read_bytes()
        self.forget()
        process = self.box.start(**given)
        for line in process.stdout:
            if line.startswith("sum "):
                break
        time.sleep(0.1)  # a step takes a millisecond, the evaluation a thousand
        process.send_signal(signal.SIGINT)
        stopped = time.monotonic()
        self.ends(130, "stopped after step 1; the run is saved", process=process)
        self.assertLess(time.monotonic() - stopped, max(0.5, whole / 2))
        self.good("--resume", **given)
        self.assertEqual((self.box.path / "rows.tsv").read_bytes(), rows)

    def test_one_more_ends_at_once(self):
        process = self.box.start(epochs=1000)
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        for number in (signal.SIGHUP, signal.SIGHUP):  # a terminal that is closed sends several
            process.send_signal(number)
        self.ends(129, process=process)
        os.mkfifo(self.box.path / "nobody")  # held here until the second signal comes
        process = self.box.start(epochs=1, json="nobody", before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        process.send_signal(signal.SIGINT)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.send_signal(signal.SIGTERM)
        self.ends(143, process=process)


class Outputs(Case):
    def test_nobody_reads_the_report(self):
        """`finetune .. | head -1`: what was trained and asked for is all there."""
        self.good(**self.RUN)
        whole = self.results()
        self.forget()
        process = self.box.start(**self.RUN)
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=BOUND)
        self.assertEqual((process.returncode, errors.count("\n")), (1, 1), errors)
        self.assertIn("error: standard output: Broken pipe", errors)
        self.assertEqual(self.results(), whole)

    def test_full_device(self):
        for options in (["--help"], ["--version"], self.box.command(epochs=1)[1:]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([str(self.box.program), *options], stdout=full, stderr=subprocess.PIPE, text=True, timeout=BOUND, check=False)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertIn("error: standard output: No space left on device", done.stderr)
        for option in ("json", "predict"):
            self.ends(1, f"error: --{option} /dev/full: cannot write /dev/full: No space left on device", epochs=1, **{option: "/dev/full"})

    def test_reader_that_does_not_read(self):
        """A pipe that is full, a named pipe without a reader: Ctrl-C ends the wait."""
        def fill():
            fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK)
            try:
                while True:
                    os.write(1, b"." * 4096)
            except BlockingIOError:
                fcntl.fcntl(1, fcntl.F_SETFL, 0)
        process = self.box.start(epochs=1, before=fill)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(BOUND), 130)
        process.communicate()
        os.mkfifo(self.box.path / "nobody")
        process = self.box.start(epochs=1, out="out", json="nobody")
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        process.send_signal(signal.SIGTERM)
        self.ends(143, process=process)

    def test_named_pipe(self):
        os.mkfifo(self.box.path / "pipe")
        process = self.box.start(epochs=1, json="pipe")
        with open(self.box.path / "pipe", encoding="utf-8") as pipe:
            text = pipe.read()
        self.ends(0, process=process)
        self.assertTrue(text.startswith("{") and text.endswith("}\n"))

    def test_json_on_standard_output(self):
        """Into the file that the report goes to, not in its place."""
        with open(self.box.path / "log", "w", encoding="utf-8") as log:
            subprocess.run(self.box.command(epochs=1, json="/dev/stdout"), stdout=log, timeout=BOUND, check=True)
        log = (self.box.path / "log").read_text()
        self.assertLess(log.index("epoch 1/1"), log.index('"method": "lora"'))

    def test_closed_descriptors(self):
        """No file gets the number of standard input, output or error."""
        run = {**self.RUN, "epochs": 1}
        self.good(**run)
        whole = self.results()
        for closed in ([0], [1], [2], [0, 1, 2]):
            def close():
                for descriptor in closed:
                    os.close(descriptor)
            with self.subTest(closed=closed):
                self.forget()
                self.ends(0, before=close, **run)
                self.assertEqual(self.results(), whole)
                process = self.box.start("--resume", before=close, **run)
                process.communicate(timeout=BOUND)
                self.assertEqual((process.returncode, self.results()), (0, whole))
                self.ends(1, before=close, **{**run, "data": "nowhere", "out": "other"})
                self.forget()
                process = self.at("training", signal.SIGINT, before=close)
                process.communicate(timeout=BOUND)
                self.assertEqual(process.returncode, 130)
                self.assertNotIn(b"interrupted", (self.box.path / "out/run.safetensors").read_bytes())
                self.assertEqual((self.box.path / "out/run.safetensors").read_bytes()[8:9], b"{")

    def test_what_stands_in_for_them(self):
        os.mkfifo(self.box.path / "nobody")  # holds it at its end
        process = self.box.start(epochs=1, json="nobody", before=lambda: [os.close(descriptor) for descriptor in range(3)])
        proc = pathlib.Path(f"/proc/{process.pid}")
        until = time.monotonic() + BOUND
        while os.readlink(proc / "exe").split("/")[-1] != "lora" and time.monotonic() < until:
            time.sleep(0.001)
        self.assertEqual([os.readlink(proc / "fd" / str(descriptor)) for descriptor in range(3)], ["/dev/null"] * 3)
        process.kill()
        process.communicate()

    def test_largest_file(self):
        """SIGXFSZ is an error of the write."""
        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        self.ends(1, "run.safetensors", "File too large", before=small, **self.RUN)
        self.forget()
        self.ends(1, "--export", "File too large", epochs=0, export="export", before=small)


class Threads(Case):
    def test_numbers(self):
        for variable, values in {"OMP_NUM_THREADS": ("0", "-1", "513", "600", "65536", "many", "4,2"), "OMP_THREAD_LIMIT": ("1",),
                                 "OMP_PROC_BIND": ("spread",), "OMP_DYNAMIC": ("true",), "KOKKOS_NUM_THREADS": ("1", "512")}.items():
            for value in values:
                with self.subTest(variable=variable, value=value):
                    self.ends(0, epochs=0, environment={variable: value})
        for value in ("0", "-1", "513", "65536", "many"):
            self.ends(1, f"KOKKOS_NUM_THREADS={value}: Kokkos takes", epochs=0, environment={"KOKKOS_NUM_THREADS": value})
        for workers in (1, 3, 513):
            self.ends(0, epochs=1, limit=16, workers=workers)
        self.ends(1, "--workers 1025: expected a whole number from 0 to 1024", epochs=1, workers=1025)

    def test_no_more_to_be_had(self):
        """OpenMP would end the process with a word of its own."""
        def little():
            resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
        self.ends(1, "ulimit -v leaves it 300 MiB", "stacks of the workers", epochs=1, workers=1000, before=little)
        if os.geteuid() != 0:
            return
        os.chmod(self.box.path, 0o755)
        def few():
            os.setgid(65534)
            os.setuid(65534)
            resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
        self.ends(1, "8 workers: the system gives this process", "threads and no more", epochs=1, workers=8, before=few)


class Texts(Case):
    def test_while_they_are_written(self):
        """Between two tokens of a text. What was trained is saved."""
        if ("lora", "t5") not in held(self.box.program):
            self.skipTest("this build holds no lora on t5")
        from test_texts import pairs, tokenizer
        folder = self.box.path / "t5"
        folder.mkdir()
        for file in ("config.json", "model.safetensors"):
            shutil.copy(ROOT / "tests/golden/data/tiny-t5-v1.1" / file, folder / file)
        self.box.write("t5/tokenizer.json", tokenizer(False))
        self.box.write("data/train.csv", pairs(8, 1))
        self.box.write("data/dev.csv", "source,target\n" + "\n".join(f"{i} good,yes" for i in range(3000)))
        process = self.box.start(model=folder, task="pairs", epochs=1, out="out", beams=8, max_new_tokens=60)
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        stopped = time.monotonic()
        self.ends(130, "stopped; the run is saved", process=process)
        self.assertLess(time.monotonic() - stopped, 2)
        self.assertTrue((self.box.path / "out/adapter_model.safetensors").exists())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
