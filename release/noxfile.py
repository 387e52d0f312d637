"""What makes a release: docs/releasing.md has the steps."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from email import message_from_string
from pathlib import Path

import nox

ROOT = Path(__file__).parents[1]
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
DIST = ROOT / "dist"
RATING = 8
"""What pyroma gives a package without a home and without a mail address."""
INSTALLED = ("ididi-scopefix", "packaging", "wrapt")
"""What installing the wheel installs."""

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.envdir = ROOT / ".nox"


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one of the project's dependency groups."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def release(session: nox.Session) -> None:
    """Build once what is published, where nothing is installed but what builds it."""
    session.chdir(ROOT)
    session.install("--quiet", "build", silent=True)
    source = clean_clone(session)
    session.env["SOURCE_DATE_EPOCH"] = git(session, "log", "-1", "--format=%ct")
    with session.chdir(source):
        sdist, wheel = build(session, temporary(session, "dist"))
    tag = os.environ.get("GITHUB_REF_NAME")
    if tag and sdist.name != f"ididi_scopefix-{tag[1:]}.tar.gz":
        session.error(f"the tag is {tag}, but this was built: {sdist.name}")
    check_home(session, wheel)
    check_backend(session, wheel)
    shutil.rmtree(DIST, ignore_errors=True)
    shutil.copytree(sdist.parent, DIST)
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted((sdist, wheel))
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


@nox.session
def check(session: nox.Session) -> None:
    """Check what the session `release` has built, and list what gets installed."""
    session.chdir(ROOT)
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    install_auditors(session, str(wheel))
    check_package(session, sdist, wheel, sbom=DIST / "sbom.cdx.json")
    session.run(
        *("pytest", "--quiet", "tests/package", *session.posargs),
        env={"SCOPEFIX_WHEEL": str(wheel)},
    )


@nox.session
def audit(session: nox.Session) -> None:
    """Check the package with the tools of those who have to allow it."""
    session.chdir(ROOT)
    install_auditors(session)
    check_package(session, *build(session, temporary(session, "dist")))
    check_workflows(session)
    session.run("pytest", "--quiet", "tests/package", *session.posargs)


def install_auditors(session: nox.Session, package: str = ".") -> None:
    """Install what the checks need; skip the session where that isn't possible."""
    ask = ("python", "-c", "import sys; print(sys.version_info >= (3, 11))")
    if "False" in str(session.run(*ask, silent=True, log=False)):
        session.skip("zizmor and autorun-audit need Python 3.11")
    session.install("--quiet", package, *group("audit"), *group("test"), silent=True)


def temporary(session: nox.Session, name: str) -> Path:
    """Return a folder of the session's own that does not exist yet."""
    folder = Path(session.create_tmp()).resolve() / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def git(session: nox.Session, *arguments: str) -> str:
    """Return what git says about this checkout."""
    answer = session.run("git", *arguments, external=True, silent=True, log=False)
    return str(answer).strip()


def clean_clone(session: nox.Session) -> Path:
    """Clone the commit that is checked out, and nothing that git does not know."""
    changed = git(session, "status", "--porcelain")
    if changed:
        session.error(f"a release is what is committed, and this is not:\n{changed}")
    folder = temporary(session, "clone")
    git(session, "clone", "--quiet", "--no-local", ".", str(folder))
    return folder


def build(session: nox.Session, folder: Path) -> tuple[Path, Path]:
    """Build sdist and wheel, the wheel from the sdist, into an empty *folder*."""
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder), silent=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def check_home(session: nox.Session, wheel: Path) -> None:
    """Refuse a wheel whose page at the index would lead nowhere."""
    text = message_from_string(metadata(wheel, "METADATA"))
    if not any(url.startswith("Homepage,") for url in text.get_all("Project-URL", [])):
        session.error(
            "the package has no home: give it one as docs/releasing.md says, and"
            " then build it again"
        )
    links = re.findall(r"\]\((?!https://|#)(.+?)\)", str(text.get_payload()))
    if links:
        session.error(f"at the index these links lead nowhere: {', '.join(links)}")


def check_backend(session: nox.Session, wheel: Path) -> None:
    """Refuse a wheel that SECURITY.md can't verify."""
    security = Path("SECURITY.md").read_text(encoding="utf-8")
    used = re.findall(r"Generator: hatchling (\S+)", metadata(wheel, "WHEEL"))
    if used != re.findall(r"hatchling==([\w.]+)", security):
        session.error(f"built by hatchling {', '.join(used)}: say so in SECURITY.md")


def metadata(wheel: Path, name: str) -> str:
    """Return one of the files about *wheel* that are in it."""
    package = "-".join(wheel.name.split("-")[:2])
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{package}.dist-info/{name}").decode()


def check_package(
    session: nox.Session, sdist: Path, wheel: Path, sbom: Path | None = None
) -> None:
    """Check an sdist and a wheel, and write the list of what gets installed."""
    session.run("twine", "check", "--strict", str(sdist), str(wheel))
    session.run("check-wheel-contents", str(wheel))
    session.run("validate-pyproject", "pyproject.toml")
    session.run("pyroma", "--min", str(RATING), str(sdist))
    for package in (sdist, wheel):
        scan_for_malware(session, package)
    python = installed_alone(session, wheel)
    # An import line of a .pth file is MEDIUM, whatever it imports.
    session.run("autorun-audit", "env", "--python", python, "--fail-on", "high")
    target = sbom or temporary(session, "sbom.cdx.json")
    session.run(
        *("cyclonedx-py", "environment", "--output-reproducible"),
        *("--output-file", str(target), python),
    )
    listed = target.read_text(encoding="utf-8")
    parts = json.loads(listed)["components"]
    names = sorted(str(part.get("purl", part["name"])).split("@")[0] for part in parts)
    if names != [f"pkg:pypi/{name}" for name in INSTALLED]:
        session.error(f"the wheel brings along {', '.join(names)}")
    if "file:" in listed:
        session.error("the list of what gets installed names files of this machine")


def scan_for_malware(session: nox.Session, package: Path) -> None:
    """Refuse a package that guarddog finds a risk in."""
    found = session.run(
        *("guarddog", "pypi", "scan", "--output-format", "json"),
        # The sandbox is for hostile archives, and not every machine has one.
        *("--no-sandbox", str(package)),
        silent=True,
        # It would like to fetch lists of popular packages, and goes on without.
        stderr=subprocess.DEVNULL,
    )
    answer = json.loads(str(found))
    # What code is able to do, to read a file for one, is listed, but no risk.
    if answer["risks"] or answer["errors"]:
        told = {kind: answer[kind] for kind in ("errors", "risks")}
        session.error(f"guarddog, on {package.name}: {json.dumps(told, indent=2)}")


def installed_alone(session: nox.Session, wheel: Path) -> str:
    """Install *wheel* and what it requires; return the Python that has them."""
    folder = temporary(session, "installed")
    session.run("python", "-m", "venv", "--without-pip", str(folder))
    python = str(next(folder.glob("[bS]*/python*")))
    pip = ("python", "-m", "pip", "--python", python, "install", "--quiet")
    # By its name: what is installed by its path is listed with that path. And then
    # what it requires.
    here = ("--no-index", "--no-deps", "--find-links", str(wheel.parent))
    session.run(*pip, *here, "ididi-scopefix", silent=True)
    session.run(*pip, "ididi-scopefix", silent=True)
    return python


def check_workflows(session: nox.Session) -> None:
    """Check what runs on the hosting service, without asking it."""
    session.run("zizmor", "--offline", "--pedantic", "--strict-collection", ".github")
    schema = ("check-jsonschema", "--builtin-schema")
    github = ROOT / ".github"
    for kind, files in (
        ("github-workflows", (github / "workflows").glob("*.yml")),
        ("github-issue-forms", (github / "ISSUE_TEMPLATE").glob("*.yml")),
        ("dependabot", [github / "dependabot.yml"]),
    ):
        session.run(*schema, f"vendor.{kind}", *sorted(map(str, files)))
