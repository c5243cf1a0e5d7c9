#!/usr/bin/python3
"""Plant each bug of a mutants.toml in a copy of the sources; the simulator must find it.

usage: mutants.py SIMULATOR SOURCE_ROOT BUILD_ROOT COMPILER...

A bug that shows seldom may name more seeds. Prints TAP-like lines; the exit status is 1 when a bug was missed.
"""
import pathlib
import subprocess
import sys
import tempfile
import tomllib

# What a simulator is made of, and how it is asked.
SIMULATORS = {
    "hub": {
        "sources": [
            *(f"src/{module}/*.c" for module in ("base", "json", "proto", "ws", "fanout", "core")),
            "tests/sim/*.c",
        ],
        "generated": ["errors", "messages"],
        "libraries": ["-lz"],
        "mutants": "tests/sim/mutants.toml",
        "seeds": "1-60",
    },
    "matrix": {
        "sources": [
            "src/base/*.c", "src/json/*.c", "src/matrix/bridge*.c",
            "tests/sim/faults.c", "tests/sim/matrix/*.c",
        ],
        "generated": ["errors"],
        "libraries": [],
        "mutants": "tests/sim/matrix/mutants.toml",
        "seeds": "1-40",
    },
}
WRAP = ["-Wl,--wrap=malloc", "-Wl,--wrap=calloc", "-Wl,--wrap=realloc"]


def run(command, **more):
    # A bug may print whatever a frame holds.
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, **more)


class Tree:
    """The sources, compiled once; a mutant replaces one object."""

    def __init__(self, simulator, source, build, compiler, work):
        self.work = work
        self.compile = [
            *compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-c",
            f"-I{source}/src", f"-I{source}/include", f"-I{build}/include", f"-I{build}/schema",
            f"-I{source}/tests/sim",
        ]
        self.link = compiler
        self.libraries = simulator["libraries"]
        self.objects = {}
        for pattern in simulator["sources"]:
            for path in sorted(source.glob(pattern)):
                self.add(path)
        for name in simulator["generated"]:
            self.add(build / "schema" / f"{name}.gen.c")

    def add(self, path):
        target = self.work / f"{len(self.objects)}.o"
        done = run([*self.compile, str(path), "-o", str(target)])
        if done.returncode != 0:
            sys.exit(f"{path} does not compile:\n{done.stderr}")
        self.objects[str(path)] = target

    def build(self, name, replaced, text):
        """Links a simulator in which the file `replaced` has this text; None: unchanged."""
        objects = dict(self.objects)
        if replaced is not None:
            changed = self.work / "mutant.c"
            changed.write_text(text, encoding="utf-8")
            target = self.work / "mutant.o"
            done = run([*self.compile, f"-I{replaced.parent}", str(changed), "-o", str(target)])
            if done.returncode != 0:
                sys.exit(f"{name}: does not compile:\n{done.stderr}")
            objects[str(replaced)] = target
        program = self.work / "sim"
        done = run([*self.link, *WRAP, *map(str, objects.values()), *self.libraries, "-o", str(program)])
        if done.returncode != 0:
            sys.exit(f"{name}: does not link:\n{done.stderr}")
        return program


def finds_bug(program, seeds):
    """Whether the simulator ends badly; a life that never ends counts as found too."""
    try:
        return run([str(program), "--seeds", seeds], timeout=120).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main(argv):
    if len(argv) < 5 or argv[1] not in SIMULATORS:
        sys.exit(__doc__)
    simulator = SIMULATORS[argv[1]]
    source, build, compiler = pathlib.Path(argv[2]), pathlib.Path(argv[3]), argv[4:]
    with open(source / simulator["mutants"], "rb") as file:
        mutants = tomllib.load(file)["mutant"]
    missed = 0
    with tempfile.TemporaryDirectory() as directory:
        tree = Tree(simulator, source, build, compiler, pathlib.Path(directory))
        if finds_bug(tree.build("nothing planted", None, None), simulator["seeds"]):
            sys.exit("the simulator fails with no bug planted")
        for number, mutant in enumerate(mutants, 1):
            path = source / mutant["file"]
            text = path.read_text(encoding="utf-8")
            if text.count(mutant["old"]) != 1:
                sys.exit(f"{mutant['name']}: its old text is not in {mutant['file']} just once")
            program = tree.build(mutant["name"], path, text.replace(mutant["old"], mutant["new"]))
            found = finds_bug(program, mutant.get("seeds", simulator["seeds"]))
            missed += not found
            print(f"{'ok' if found else 'not ok'} {number} - {mutant['name']}", flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} planted bugs found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
