"""The Python package: parse.py ENGINE BUNDLE TEXT ROUNDS."""

import sys
import time
from pathlib import Path

import posmoe
from posmoe.request import Request

text, rounds = Path(sys.argv[3]).read_text(encoding="utf-8"), int(sys.argv[4])
nlp = posmoe.load(sys.argv[2], backend=sys.argv[1])
seconds = 0.0
for turn in range(rounds + 1):
    begin = time.perf_counter()
    (document,) = nlp.run([Request(text=text, lines=True)])
    if turn > 0:
        seconds += time.perf_counter() - begin
sys.stdout.buffer.write(document.to_conllu().encode())
print(seconds, file=sys.stderr)
