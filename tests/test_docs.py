"""What the documentation names exists, and what exists is named in it."""

import ast
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from emulator.routes.table import all_routes
from pipelines.cli import app
from pipelines.configuration_reference import COMPONENTS, reference
from pipelines.environment_variables import ENV_FILE_VARIABLES, VARIABLES

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [
    CHECKOUT / "README.md",
    CHECKOUT / "CONTRIBUTING.md",
    CHECKOUT / "emulator" / "COVERAGE.md",
    *sorted((CHECKOUT / "docs").glob("**/*.md")),
]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
ALL_TEXT = "\n".join(TEXT.values())
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
CODE = [
    file
    for folder in ("pipelines", "assets", "resources", "emulator")
    for file in sorted((CHECKOUT / folder).glob("**/*.py"))
]


def shell_lines():
    """Lines of the pages' code blocks that a reader types, without prompts and comments."""
    for page, text in TEXT.items():
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            lines = block.replace("\\\n", " ").splitlines()
            prompted = [line[2:] for line in lines if line.startswith("$ ")]
            plain = lines if language in ("sh", "bash", "shell") else []
            for line in prompted or plain:
                if line.strip() and not line.startswith("#"):
                    yield page.name, shlex.split(line, comments=True)


def without_variables(words):
    """The command itself: `A=1 .venv/bin/python -m x` is `python -m x`."""
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else []


SHELL_LINES = [(page, without_variables(words)) for page, words in shell_lines()]
TYPED = [(page, words) for page, words in SHELL_LINES if words]


# --- make


def test_every_make_target_is_in_help_and_in_the_docs():
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout

    in_help = {line.split()[0] for line in helped.splitlines() if line.strip()}
    in_docs = set(re.findall(r"\bmake ([a-z-]+)", ALL_TEXT))
    assert in_help == TARGETS
    assert in_docs >= TARGETS


def test_every_make_target_that_the_docs_name_exists():
    quoted = re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", ALL_TEXT)
    typed = [words[1] for _, words in TYPED if words[0] == "make" and len(words) > 1]

    assert {*quoted, *typed} <= TARGETS


# --- commands


PROGRAMS_OF_THE_SYSTEM = {"cd", "cp", "curl", "openssl"}


COMMANDS = typer.main.get_command(app).commands


def options_of(command):
    return {option for one in command.params for option in one.opts if option.startswith("--")}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_and_its_options_are_in_the_docs(name):
    page = TEXT[CHECKOUT / "docs" / "commands.md"]
    section = page.split("## python -m pipelines")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if f"`{name}" in line]

    missing = {one for one in options_of(COMMANDS[name]) if one not in "\n".join(lines)}

    assert lines
    assert not missing


def test_every_option_of_the_emulator_is_in_the_docs():
    shown = subprocess.run(
        [sys.executable, "-m", "emulator", "--help"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    options = set(re.findall(r"--[a-z][a-z-]+", shown))
    documented = set(re.findall(r"--[a-z][a-z-]+", TEXT[CHECKOUT / "docs" / "emulator.md"]))

    assert options == documented


@pytest.mark.parametrize(("page", "words"), TYPED, ids=lambda value: str(value)[:60])
def test_a_command_that_the_docs_tell_to_type_exists(page, words):
    program, arguments = words[0], words[1:]
    if program == "make":
        assert not arguments or set(arguments) & TARGETS
    elif program in ("python", "python3") and arguments[:1] == ["-m"]:
        if arguments[1] == "pipelines":
            command = COMMANDS[arguments[2]]
            given = {one.split("=")[0] for one in arguments[3:] if one.startswith("--")}
            assert given <= options_of(command) | {"--help"}
        else:
            assert importlib.util.find_spec(arguments[1]), arguments[1]
    elif program in ("dg", "dagster", "pip"):
        assert (Path(sys.executable).parent / program).exists()
    else:
        assert program in PROGRAMS_OF_THE_SYSTEM


# --- settings and variables


def test_the_page_about_configuration_is_what_make_docs_writes():
    assert TEXT[CHECKOUT / "docs" / "configuration.md"] == reference(), "run `make docs`"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_every_setting_has_a_sentence(component):
    schema = component.model_json_schema(by_alias=True)
    for model in (schema, *schema.get("$defs", {}).values()):
        for key, setting in model["properties"].items():
            sentence = setting.get("description", "")
            assert len(sentence.split()) >= 3, key
            assert sentence.endswith("."), key


class VariableNames(ast.NodeVisitor):
    """Names of environment variables in a module, those with a connection's prefix in full."""

    def __init__(self):
        self.found = set()

    def visit_Call(self, node):
        called = ast.unparse(node.func)
        if called in ("os.environ.get", "os.getenv", "dg.EnvVar"):
            self._name(node.args[0])
        elif called in ("_secret", "_optional_secret"):
            self.found.add(f"SALESFORCE_{ast.literal_eval(node.args[1])}")
        self.generic_visit(node)

    def visit_Subscript(self, node):
        if ast.unparse(node.value) == "os.environ":
            self._name(node.slice)
        self.generic_visit(node)

    def visit_arguments(self, node):
        # A variable whose name is a parameter has its usual name as the default.
        for default in node.defaults:
            if isinstance(default, ast.Constant) and re.fullmatch(
                r"TIDEGATE_\w+", str(default.value)
            ):
                self.found.add(default.value)
        self.generic_visit(node)

    def _name(self, node):
        if isinstance(node, ast.JoinedStr):
            whole = ast.unparse(node).strip("f'\"")
            if whole.startswith("{prefix}_") and whole.count("{") == 1:
                self.found.add(whole.replace("{prefix}", "SALESFORCE"))
        elif isinstance(node, ast.Constant):
            self.found.add(node.value)


def variables_of_the_code():
    names = VariableNames()
    for file in CODE:
        names.visit(ast.parse(file.read_text(encoding="utf-8")))
    return names.found


def test_every_variable_that_the_code_reads_is_described_and_no_other():
    assert variables_of_the_code() == {one.name for one in VARIABLES}


def test_variables_are_read_in_few_places():
    readers = {
        file.relative_to(CHECKOUT).as_posix()
        for file in CODE
        if re.search(r"os\.environ|os\.getenv|EnvVar\(", file.read_text(encoding="utf-8"))
    }

    assert not {one for one in readers if not one.startswith("pipelines/")}


def test_the_example_of_an_env_file_names_every_variable_that_belongs_there():
    text = (CHECKOUT / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^(?:# ?)?([A-Z_]+)=", text, re.MULTILINE)) == {
        one.name for one in ENV_FILE_VARIABLES
    }


def test_every_variable_of_the_makefile_is_in_the_docs():
    settable = re.findall(r"^(?:export )?([A-Z_]+) \?=", MAKEFILE, re.MULTILINE)

    assert settable
    assert not {name for name in settable if name not in ALL_TEXT}


# --- the emulator


def test_every_route_of_the_emulator_is_named_in_its_coverage():
    text = TEXT[CHECKOUT / "emulator" / "COVERAGE.md"]
    rows = re.findall(r"^\| `(/[^`]*)` \| ([A-Z, ]+) \|$", text, re.MULTILINE)
    named = {(method, path) for path, methods in rows for method in methods.split(", ")}

    assert named == {
        (route.method, "/" + "/".join(route.segments)) for route in all_routes()._routes
    }


def test_every_control_of_the_emulator_is_explained():
    page = TEXT[CHECKOUT / "docs" / "emulator.md"]
    explained = set(re.findall(r"(GET|PUT|POST|DELETE) (/_emulator/[\w{}/]+)", page))
    controls = {
        (route.method, "/" + "/".join(route.segments))
        for route in all_routes()._routes
        if route.segments[0] == "_emulator"
    }

    assert explained == controls


# --- links and facts


def links():
    for page, text in TEXT.items():
        without_code = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", without_code):
            address = target[0] or target[1]
            if not re.match(r"https?://|mailto:", address):
                yield page, address


def anchors(page):
    """What headings of a page are called in links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


def test_every_relative_link_leads_somewhere():
    broken = []
    for page, address in links():
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{page.name}: {address}")

    assert not broken


def test_every_fact_about_salesforce_has_a_source_and_tests_that_exist():
    text = TEXT[CHECKOUT / "docs" / "salesforce_facts.md"].split("\n## ", 1)[1]
    tests = {
        (file.relative_to(CHECKOUT).as_posix(), name)
        for file in (CHECKOUT / "tests").glob("**/test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    facts = re.split(r"^- ", text, flags=re.MULTILINE)[1:]

    assert len(facts) > 40
    for fact in facts:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", fact)
        assert named, fact
        assert set(named) <= tests, set(named) - tests
        assert re.search(r"\[\w[^\]]*\]|not confirmed", fact, re.IGNORECASE), fact


def test_every_source_that_a_fact_names_is_explained():
    text = TEXT[CHECKOUT / "docs" / "salesforce_facts.md"]
    table, facts = text.split("\n## ", 1)

    used = set(re.findall(r"\[([a-z][a-z ]*)\]", facts))

    assert used <= set(re.findall(r"\[([a-z][a-z ]*)\]", table)) | {"pyarrow and pandas"}
