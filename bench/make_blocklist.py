#!/usr/bin/env python3
"""make_blocklist.py FOLDER NUMBER: a module blocklist.lua of so many names, made up, the same every time, and beside it a copy of
examples/dns-block-list.lua, which reads it."""
import pathlib
import random
import shutil
import sys

LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
TOPS = ['com', 'net', 'org', 'example', 'info', 'test', 'co.uk']


def main():
    folder, number = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(1)
    names = set()
    while len(names) < number:
        name = ''.join(rng.choices(LETTERS, k=rng.randint(4, 14))) + '.' + rng.choice(TOPS)
        if rng.random() < 0.5:
            name = ''.join(rng.choices(LETTERS, k=rng.randint(2, 8))) + '.' + name
        names.add(name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'blocklist.lua').write_text('return [[\n' + '\n'.join(sorted(names)) + '\n]]\n')
    shutil.copy(pathlib.Path(__file__).resolve().parents[1] / 'examples/dns-block-list.lua', folder)


if __name__ == '__main__':
    main()
