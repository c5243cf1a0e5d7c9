#!/usr/bin/python3
"""Plant each bug of mutants.toml in a copy of the sources; the simulator must find it.

usage: mutants.py SOURCE_ROOT BUILD_ROOT COMPILER...

Prints TAP-like lines; the exit status is 1 when a bug was missed.
"""
import pathlib
import subprocess
import sys
import tempfile
import tomllib

MODULES = ["base", "json", "proto", "ws", "fanout", "core"]
GENERATED = ["errors", "messages"]
WRAP = ["-Wl,--wrap=malloc", "-Wl,--wrap=calloc", "-Wl,--wrap=realloc"]
SEEDS = "1-60"


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


class Tree:
    """The sources, compiled once; a mutant replaces one object."""

    def __init__(self, source, build, compiler, work):
        self.source = source
        self.work = work
        self.compile = [
            *compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-c",
            f"-I{source}/src", f"-I{source}/include", f"-I{build}/include", f"-I{build}/schema",
            f"-I{source}/tests/sim",
        ]
        self.link = compiler
        self.objects = {}
        for module in MODULES:
            for path in sorted((source / "src" / module).glob("*.c")):
                self.add(path)
        for path in sorted((source / "tests" / "sim").glob("*.c")):
            self.add(path)
        for path in sorted((build / "schema").glob("*.gen.c")):
            if path.name.split(".")[0] in GENERATED:
                self.add(path)

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
        done = run([*self.link, *WRAP, *map(str, objects.values()), "-o", str(program)])
        if done.returncode != 0:
            sys.exit(f"{name}: does not link:\n{done.stderr}")
        return program


def finds_bug(program):
    """Whether the simulator ends badly; a life that never ends counts as found too."""
    try:
        return run([str(program), "--seeds", SEEDS], timeout=120).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main(argv):
    if len(argv) < 4:
        sys.exit(__doc__)
    source, build, compiler = pathlib.Path(argv[1]), pathlib.Path(argv[2]), argv[3:]
    with open(source / "tests" / "sim" / "mutants.toml", "rb") as file:
        mutants = tomllib.load(file)["mutant"]
    missed = 0
    with tempfile.TemporaryDirectory() as directory:
        tree = Tree(source, build, compiler, pathlib.Path(directory))
        if finds_bug(tree.build("nothing planted", None, None)):
            sys.exit("the simulator fails with no bug planted")
        for number, mutant in enumerate(mutants, 1):
            path = source / mutant["file"]
            text = path.read_text(encoding="utf-8")
            if text.count(mutant["old"]) != 1:
                sys.exit(f"{mutant['name']}: its old text is not in {mutant['file']} just once")
            program = tree.build(mutant["name"], path, text.replace(mutant["old"], mutant["new"]))
            found = finds_bug(program)
            missed += not found
            print(f"{'ok' if found else 'not ok'} {number} - {mutant['name']}", flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} planted bugs found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
