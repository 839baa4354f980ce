"""`python -m backend.backup create FILE | restore FILE | inspect FILE`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backend.backup import text
from backend.backup.archive import Archive, Manifest
from backend.backup.creating import create, left_out, settings_told
from backend.backup.hold import no_start
from backend.backup.restoring import restore
from backend.errors import Language, OndolError, Text
from backend.settings import ConfigurationError, Settings, load

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status: 0 done, 1 refused or failed, 2 wrong use or configuration."""
    given = _parser().parse_args(arguments)
    language = Language(given.language)
    try:
        command = {"create": _create, "restore": _restore, "inspect": _inspect}[given.command]
        command(given, load(), language)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except OndolError as error:
        print(f"✗ {error.message(language)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.backup", description="Everything that must last, as one file."
    )
    parser.add_argument("--language", choices=[str(language) for language in Language], default="en")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    creator = commands.add_parser("create", help="make a backup; Ondol may go on running")
    restorer = commands.add_parser("restore", help="put a backup back; Ondol must be stopped")
    inspector = commands.add_parser("inspect", help="say what is in a backup, and whether it is whole")
    for command in (creator, restorer, inspector):
        command.add_argument("file", type=Path, metavar="FILE")
    for command in (creator, restorer):
        command.add_argument("--without-secrets", action="store_true", help="leave the files of DATA_DIR/secrets out")
    restorer.add_argument("--replace", action="store_true", help="also where there is something; it is backed up first")
    inspector.add_argument("--json", action="store_true", help="one JSON object")
    return parser


def _create(given: argparse.Namespace, settings: Settings, language: Language) -> None:
    manifest = create(settings, given.file, with_secrets=not given.without_secrets)
    counts = {"tables": len(manifest.rows), "rows": sum(manifest.rows.values())}
    _say(text.CREATED, language, path=given.file, size=given.file.stat().st_size, **counts)
    _say(text.WITH_SECRETS if manifest.has_secrets else text.WITHOUT_SECRETS, language)
    if not given.without_secrets and (names := left_out(settings)):
        _say(text.LEFT_OUT, language, names=", ".join(names))
    _say(text.WITHOUT_WEIGHTS, language)


def _restore(given: argparse.Namespace, settings: Settings, language: Language) -> None:
    with no_start():
        done = restore(settings, given.file, replace=given.replace, with_secrets=not given.without_secrets)
    rows = done.manifest.rows
    _say(text.RESTORED, language, made_at=done.manifest.made_at, tables=len(rows), rows=sum(rows.values()))
    if done.migrated:
        _say(text.MIGRATED, language)
    if done.secrets:
        _say(text.SECRETS, language, names=", ".join(done.secrets))
    if done.safety:
        _say(text.SAFETY, language, path=done.safety)
        if names := left_out(settings):
            _say(text.LEFT_OUT, language, names=", ".join(names))
    with Archive(given.file) as archive:
        before, now = archive.settings(), settings_told(settings)
    if lines := [f"  {name}={_value(before.get(name))}" for name in sorted(before) if before[name] != now.get(name)]:
        _say(text.SETTINGS_DIFFER, language)
        print("\n".join(lines))
    _say(text.NEXT, language)


def _inspect(given: argparse.Namespace, _settings: Settings, language: Language) -> None:
    with Archive(given.file) as archive:
        archive.verify()
        manifest, settings = archive.manifest, archive.settings()
    if given.json:
        print(json.dumps({**asdict(manifest), "settings": settings}, ensure_ascii=False))
        return
    print(_described(manifest))
    for name, value in settings.items():
        print(f"  {name}={_value(value)}")
    _say(text.WITH_SECRETS if manifest.has_secrets else text.WITHOUT_SECRETS, language)
    _say(text.WHOLE, language)


def _described(manifest: Manifest) -> str:
    lines = [f"Ondol {manifest.version}, {manifest.revision}, PostgreSQL {manifest.postgres}, {manifest.made_at}"]
    width = max((len(name) for name in manifest.rows), default=0)
    lines += [f"  {name:{width}} {count:>10,}" for name, count in sorted(manifest.rows.items()) if count]
    return "\n".join(lines)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _say(message: Text, language: Language, **fields: object) -> None:
    print(message.in_(language).format(**fields))


if __name__ == "__main__":
    sys.exit(main())
