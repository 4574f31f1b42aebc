"""The pages agree with the program: tables, quoted lines, names, commands and examples."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from atlop.config import load_training_config
from atlop.documents import Document
from atlop.errors import DataError
from atlop.evaluation import Counts, evaluate, evaluate_by_identifier
from atlop.formats import read, read_submission, schema, stream
from atlop.knowledge import write as write_graph

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
MAKE_TABLES = runpy.run_path(str(DOCS / "make_tables.py"))
COMMANDS = MAKE_TABLES["commands"]()

QUOTES = re.findall(r'^```python title="(src/[\w/]+\.py)"\n(.*?)^```', PAGES["method.md"], re.MULTILINE | re.DOTALL)
NAMES = sorted({name for page in PAGES.values() for name in re.findall(r"\]\[(atlop(?:\.\w+)+)\]", page)})
LINKS = sorted(
    {
        (page, str(Path(page).parent / target) if target else page, anchor)
        for page, text in PAGES.items()
        for target, anchor in re.findall(r"\]\(([\w/]*(?:\.md)?)#([\w-]+)\)", text)
    }
)
SHOWN = [
    line
    for page in PAGES.values()
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("atlop ")
]


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """Write the examples of a page to files of the names that it gives them."""
    for page in PAGES.values():
        for name, text in re.findall(r'^ *```\w+ title="(\w+\.\w+)"\n(.*?)^ *```', page, re.MULTILINE | re.DOTALL):
            (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path.joinpath


@pytest.mark.parametrize("page", PAGES)
def test_tables_are_those_of_the_program(page: str) -> None:
    assert MAKE_TABLES["fill"](PAGES[page]) == PAGES[page], "run: python docs/make_tables.py"


def test_every_command_setting_and_key_has_its_table() -> None:
    wanted = {("cli.md", f"command {name}") for name in COMMANDS}
    wanted |= {("training.md", f"settings {name}") for name in ("TrainingConfig", "ModelConfig")}
    wanted |= {("formats.md", f"schema {name}") for name in ("document", *schema()["$defs"])}
    found = {(page, table) for page, text in PAGES.items() for table in re.findall(r"<!-- table: ([\w -]+?) -->", text)}
    assert found == wanted


def test_a_table_is_made_of_the_schema() -> None:
    page = MAKE_TABLES["fill"]("before\n<!-- table: schema entity -->\nold\n<!-- end -->\nafter")
    lines = page.splitlines()
    assert lines[:4] == ["before", "<!-- table: schema entity -->", "", "| Key | Type | Required | Meaning |"]
    assert lines[5].startswith("| `mentions` | list of mention objects | yes | The mentions of ")
    assert lines[6].startswith("| `identifier` | string or null |  | Identifier in a ")
    assert lines[7:] == ["", "<!-- end -->", "after"]


@pytest.mark.parametrize(("file", "quote"), QUOTES, ids=[f"{file}-{i}" for i, (file, _) in enumerate(QUOTES)])
def test_quoted_lines_stand_in_the_code(file: str, quote: str) -> None:
    written = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    code = [line for line in written if not line.startswith("#")]
    lines = [line.strip() for line in quote.splitlines()]
    assert any(code[at : at + len(lines)] == lines for at in range(len(code)))


def test_the_method_quotes_every_stage() -> None:
    assert {"windows", "encoder", "pairs", "scores"} <= {Path(file).stem for file, _ in QUOTES}


@pytest.mark.parametrize("name", NAMES)
def test_names_in_pages_exist(name: str) -> None:
    parts = name.split(".")
    size = max(
        i
        for i in range(1, len(parts) + 1)
        if (ROOT / "src" / Path(*parts[:i])).with_suffix(".py").exists() or (ROOT / "src" / Path(*parts[:i])).is_dir()
    )
    found = importlib.import_module(".".join(parts[:size]))
    for part in parts[size:]:
        annotated = part in getattr(found, "__annotations__", {})
        assert hasattr(found, part) or annotated, f"{name}: no {part}"
        found = getattr(found, part, None)


def anchors(page: str) -> set[str]:
    """The anchors of the headings of a page, as MkDocs makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "target", "anchor"), LINKS)
def test_links_lead_to_headings(page: str, target: str, anchor: str) -> None:
    assert anchor in anchors(PAGES[target]), f"{page}: no heading {target}#{anchor}"


def called(line: str) -> tuple[str, list[str]]:
    """The command that a line calls, and its arguments; the command of a group is two words."""
    _, *words = shlex.split(line)
    count = 1 if words[0] in COMMANDS else 2
    return " ".join(words[:count]), words[count:]


@pytest.mark.parametrize("line", SHOWN)
def test_shown_commands_are_understood(line: str) -> None:
    name, arguments = called(line)
    COMMANDS[name].make_context(name, arguments)


def test_every_command_is_shown() -> None:
    assert {called(line)[0] for line in SHOWN} == set(COMMANDS)


def test_jsonl_and_docred_examples_are_one_document(example: Callable[[str], Path]) -> None:
    (document,) = read(example("example.jsonl"))
    assert [document] == read(example("example.json"))
    assert [entity.name for entity in document.entities] == ["Ada Lovelace", "London"]


def test_jsonl_example_follows_the_schema(example: Callable[[str], Path]) -> None:
    Draft202012Validator(schema()).validate(json.loads(example("example.jsonl").read_text(encoding="utf-8")))


def test_leaderboard_example_states_the_facts_of_the_docred_example(example: Callable[[str], Path]) -> None:
    (document,) = read(example("example.json"))
    assert read_submission(example("result.json")) == {document.title: document.relations}


def test_pubtator_and_data_examples_are_one_document(example: Callable[[str], Path]) -> None:
    (pubtator,), (data,) = read(example("example.pubtator")), read(example("example.data"))
    assert (pubtator.title, pubtator.sentences) == (data.title, data.sentences)
    assert set(pubtator.entities) == set(data.entities)
    assert evaluate_by_identifier([pubtator], [data]) == Counts(tp=1)


def test_the_turtle_of_the_example_is_that_of_its_document(example: Callable[[str], Path]) -> None:
    write_graph(read(example("ada.jsonl")), example("found.ttl"), "turtle")
    assert example("found.ttl").read_text(encoding="utf-8") == example("ada.ttl").read_text(encoding="utf-8")


def test_errors_are_told_as_shown(example: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    text = example("example.json").read_text(encoding="utf-8")
    example("broken.json").write_text(text.replace("[5, 6]", "[5, 9]"), encoding="utf-8")
    monkeypatch.chdir(example("."))
    left_out: list[DataError] = []
    assert list(stream("broken.json", on_error="skip", report=left_out.append)) == []
    shown = re.findall(r'```text title="(error|skip)"\n(.*?)\n```', PAGES["formats.md"])
    assert shown == [("error", str(left_out[0])), ("skip", f"atlop: left out: {left_out[0]}")]


@pytest.mark.slow
@pytest.mark.parametrize("name", re.findall(r'```text title="(\w+)\.out"', PAGES["text.md"]))
def test_scripts_print_what_is_shown(
    example: Callable[[str], Path], name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In fp32, as on any machine."""
    monkeypatch.setenv("ATLOP_DISABLE", "bf16")
    importlib.import_module("atlop.integrations.spacy")  # which spaCy finds by itself where atlop is installed
    runpy.run_path(str(example(f"{name}.py")))
    assert capsys.readouterr().out == example(f"{name}.out").read_text(encoding="utf-8")


def test_what_annotators_left_open_is_told_as_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = [("a", 0, 3, ["PER"]), ("b", 8, 12, ["LOC"]), ("c", 17, 20, [])]
    marks = [
        {"id": key, "type": "labels", "value": {"start": start, "end": end, "labels": labels}}
        for key, start, end, labels in values
    ]
    related = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["saw"]}
    data = {"title": "Ada", "text": "Ada saw Rome and Bob."}
    export = [{"id": 1, "data": data, "annotations": [{"result": [*marks, related]}]}]
    (tmp_path / "export.json").write_text(json.dumps(export), encoding="utf-8")
    read(tmp_path / "export.json")
    assert re.findall(r'```text title="left_open"\n(.*?)\n```', PAGES["formats.md"]) == caplog.messages


def test_the_configuration_of_ones_own_is_whole(example: Callable[[str], Path]) -> None:
    config = load_training_config(example("own.yaml"))
    assert (config.train, config.dev) == (example("train.jsonl"), example("dev.jsonl"))


def test_every_score_has_its_key_on_the_page() -> None:
    keys = evaluate([], [Document("t", (("w",),))]).to_json()
    assert not [key for key in keys if f"`{key}`" not in PAGES["evaluation.md"]]
