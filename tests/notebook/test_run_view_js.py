"""The JavaScript of the views: its own tests, its types, and the built files that are committed."""

import json

import pytest

from tests.notebook.node import JS, STATIC, run


@pytest.mark.full
def test_the_modules_pass_their_own_tests():
    """The browser's fold gives Python's states; the link keeps the protocol; one sink takes HTML."""
    said = run("node", "--test", *sorted(str(each) for each in (JS / "test").glob("*.test.js")), cwd=JS)
    assert "# fail 0" in said
    assert int(said.split("# pass ")[1].split()[0]) > 20


@pytest.mark.full
def test_the_types_hold(installed):
    """TypeScript reads the JSDoc of every module, strictly."""
    run("npx", "--no-install", "tsc", "--project", "tsconfig.json", cwd=installed)


@pytest.mark.full
def test_a_rebuild_gives_no_difference(installed):
    """What is committed is what the sources make."""
    run("npm", "run", "build", cwd=installed)
    built = installed.parent / "static"
    assert sorted(each.name for each in built.iterdir()) == sorted(each.name for each in STATIC.iterdir())
    for each in built.iterdir():
        assert each.read_text(encoding="utf-8") == (STATIC / each.name).read_text(encoding="utf-8"), each.name


def test_the_lock_file_names_no_address():
    """Packages come from wherever the machine gets them; what they are is held by their digest."""
    packages = json.loads((JS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
