"""The npm package itself: its own tests, what it holds, and an installation into an empty project."""

import json
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.js.package import ENVIRONMENT, FOLDER, run
from tests.paths import ROOT

pytestmark = pytest.mark.timeout(60, func_only=True)  # building the package, before the first test, takes longer

MEGABYTE = 1_000_000
USE = """
import { load } from "posmoe";
const nlp = await load();
console.log(nlp.parse("I don't think so.").toConllu());
await load({ engine: "onnxruntime" }).catch((error) => console.log(`${error.name}: ${error.message}`));
"""


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it would be published."""
    out = tmp_path_factory.mktemp("pack")
    run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", out])
    (file,) = out.glob("*.tgz")
    return file


def test_its_own_tests_pass() -> None:
    run(["npm", "test", "--silent"])


def test_it_holds_what_it_needs_and_no_more(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = {member.name.removeprefix("package/"): member.size for member in archive.getmembers()}
    model = {f"dist/models/en-edge/{name}" for name in ("manifest.json", "weights.safetensors", "model.onnx")}
    assert {"package.json", "README.md", "LICENSE", "NOTICE", "dist/posmoe.wasm", *model} <= set(names)
    sources = {path.stem for path in (FOLDER / "src").glob("*.ts")}
    assert {name for name in names if name.startswith("dist/") and name.count("/") == 1} == {
        "dist/posmoe.wasm",
        *(f"dist/{stem}{ending}" for stem in sources for ending in (".js", ".d.ts")),
    }
    assert not [name for name in names if name.startswith(("src/", "test/", "core/", "node_modules/", "build/"))]
    assert sum(names.values()) <= 8 * MEGABYTE
    assert tarball.stat().st_size <= 8 * MEGABYTE


def test_its_model_is_the_one_of_the_wheel(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        for name in ("manifest.json", "weights.safetensors", "model.onnx"):
            packed = archive.extractfile(f"package/dist/models/en-edge/{name}")
            assert packed is not None
            assert packed.read() == (ROOT / "runtime" / "posmoe" / "models" / "en-edge" / name).read_bytes()


def test_it_states_version_licence_and_types() -> None:
    stated = json.loads((FOLDER / "package.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (stated["version"], stated["license"]) == (project["version"], project["license"])
    assert "dependencies" not in stated
    for entry in stated["exports"].values():
        for path in entry.values() if isinstance(entry, dict) else [entry]:
            assert "*" in path or (FOLDER / path).is_file(), path


def test_it_is_installed_into_an_empty_project_and_used(tarball: Path, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module", "private": true}')
    run(["npm", "install", "--offline", "--no-audit", "--no-fund", tarball], tmp_path)
    assert [path.name for path in (tmp_path / "node_modules").iterdir() if path.is_dir()] == ["posmoe"]
    (tmp_path / "use.js").write_text(USE)
    printed = run(["node", "use.js"], tmp_path)
    assert "2-3\tdon't\t_" in printed and "4\tthink\t_\tVERB\t_\t_\t0\troot" in printed
    assert "EngineError: onnxruntime-node cannot be loaded" in printed
    assert "npm install onnxruntime-node" in printed


def test_its_types_serve_a_strict_project(tarball: Path, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module", "private": true}')
    run(["npm", "install", "--offline", "--no-audit", "--no-fund", tarball], tmp_path)
    tsc: list[str | Path] = ["node", FOLDER / "node_modules/typescript/bin/tsc", "--noEmit", "--strict"]
    tsc += ["--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "--types", ""]
    use = tmp_path / "use.ts"
    use.write_text(
        'import { load } from "posmoe";\nimport { loadInWorker } from "posmoe/worker";\n'
        'const heads: number[] = (await load()).parse("").sentences.map((s) => s.root.head);\n'
        'const one: Promise<unknown> = (await load({ engine: "onnxruntime" })).parse("");\n'
        "export { heads, one, loadInWorker };\n"
    )
    run([*tsc, use], tmp_path)
    use.write_text('import { load } from "posmoe";\n(await load()).parse(7);\n')
    done = subprocess.run([*tsc, use], cwd=tmp_path, check=False, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode != 0 and "is not assignable to parameter of type 'string'" in done.stdout
