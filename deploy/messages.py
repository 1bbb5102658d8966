"""Translations: collects the texts of pages and scripts, and compiles them (`make messages`).

The files are GNU gettext's, as Django reads them, but its programs are not needed: Babel reads
and writes the files, and Django's own parser finds the texts of templates.
`webui/locale/LANGUAGE/LC_MESSAGES` holds `django.po`, the texts of templates and of Python, and
`djangojs.po`, those of scripts. The compiled files are kept beside them, so that a site needs
neither Babel nor this module.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.template import Engine
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils.translation import trim_whitespace

ROOT = Path(__file__).resolve().parent.parent
WEBUI = ROOT / "webui"
LOCALE = WEBUI / "locale"
LANGUAGES = ("de",)
DOMAINS = ("django", "djangojs")
KEYWORDS: Mapping[str, Any] = {"gettext": None, "gettext_lazy": None, "ngettext": (1, 2)}
LIBRARIES = {
    "i18n": "django.templatetags.i18n",
    "static": "django.templatetags.static",
}
HEADER = "# Translations of the pages; `make messages` collects and compiles them."

NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the same files for the same texts

Text = str | tuple[str, ...]  # singular and plural


def template_texts(path: Path) -> Iterator[Text]:
    """Yield the texts of a template, as Django looks them up."""
    source = path.read_text()
    if "load i18n" not in source:  # the admin's and the reference's, which are English
        return
    nodes = Engine(libraries=LIBRARIES).from_string(source).nodelist
    simple: Any
    for simple in nodes.get_nodes_by_type(TranslateNode):
        yield str(simple.filter_expression.var.literal)
    block: Any
    for block in nodes.get_nodes_by_type(BlockTranslateNode):
        forms = [block.singular, block.plural] if block.plural else [block.singular]
        texts = [block.render_token_list(tokens)[0] for tokens in forms]
        texts = [trim_whitespace(text) if block.trimmed else text for text in texts]
        yield texts[0] if len(texts) == 1 else tuple(texts)


def code_texts(path: Path, language: str) -> Iterator[Text]:
    """Yield the texts in calls of `gettext` in Python or JavaScript."""
    for _line, text, _comments, _context in extract_from_file(language, path, KEYWORDS):
        yield text if isinstance(text, str) else tuple(text)


def collected(domain: str) -> Catalog:
    """Return the texts of a domain, untranslated, each with the files that it is in."""
    catalog = Catalog(charset="utf-8")
    files = {"django": ("html", "py"), "djangojs": ("js",)}[domain]
    for path in sorted(each for kind in files for each in WEBUI.rglob(f"*.{kind}")):
        if path.suffix == ".html":
            texts = template_texts(path)
        else:
            texts = code_texts(path, {".py": "python", ".js": "javascript"}[path.suffix])
        for text in texts:
            catalog.add(text, locations=[(str(path.relative_to(ROOT)), 0)])
    return catalog


def path_of(language: str, domain: str, suffix: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.{suffix}"


def translated(language: str, domain: str) -> Catalog:
    """Return the translations that there are."""
    path = path_of(language, domain, "po")
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language, charset="utf-8")


def brought_up_to_date(language: str, domain: str) -> Catalog:
    """Return the texts of now with their translations; old ones are left out."""
    before = translated(language, domain)
    catalog = Catalog(locale=language, charset="utf-8", header_comment=HEADER, fuzzy=False)
    for message in collected(domain):
        if not message.id:
            continue
        known: Message | None = before.get(message.id)
        catalog.add(
            message.id,
            known.string if known else "",
            locations=message.locations,
            flags=known.flags if known else (),
        )
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """Return a catalog as a .po file, without the dates that would change with each call."""
    file = BytesIO()
    write_po(file, catalog, width=100, include_lineno=False, sort_output=True, omit_header=True)
    plural = f'"Plural-Forms: {catalog.plural_forms}\\n"'
    kind = '"Content-Type: text/plain; charset=UTF-8\\n"'
    head = f'{HEADER}\nmsgid ""\nmsgstr ""\n"Language: {catalog.locale}\\n"\n{kind}\n{plural}\n\n'
    return head.encode() + file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return a catalog as a .mo file."""
    with_header = read_po(BytesIO(as_po(catalog)), locale=catalog.locale, charset="utf-8")
    with_header.creation_date = with_header.revision_date = NO_DATE
    file = BytesIO()
    write_mo(file, with_header)
    return file.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """Return the texts that have no translation, or a doubtful one."""
    return [
        str(message.id)
        for message in catalog
        if message.id and (message.fuzzy or not message.string or not all(message.string))
    ]


def main() -> None:
    for language in LANGUAGES:
        for domain in DOMAINS:
            catalog = brought_up_to_date(language, domain)
            path = path_of(language, domain, "po")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_po(catalog))
            path_of(language, domain, "mo").write_bytes(as_mo(catalog))
            missing = untranslated(catalog)
            print(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {len(missing)} to translate")


if __name__ == "__main__":
    main()
