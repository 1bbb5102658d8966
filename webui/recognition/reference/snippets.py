"""Programs that make one call of the API: curl, Python with requests, JavaScript with fetch.

Each is complete; a test runs it as the page shows it, with a real key and a real id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from textwrap import indent

KEY = "dd_…"
AUTHORIZATION = f"Bearer {KEY}"
FILE = "seven.png"
SAVED = "drawing.png"


class Body(Enum):
    """The request of a call."""

    NOTHING = "nothing"
    FORM = "form"  # the picture in a multipart form
    RAW = "raw"  # the picture itself
    BATCH = "batch"
    JSON = "json"


class Answer(Enum):
    """The kind of answer of a call, which decides what a program does with it."""

    JSON = "json"
    PAGES = "pages"
    FILE = "file"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call.

    Attributes:
        document: the JSON text of the body, for `Body.JSON`.
        idempotent: whether it takes an Idempotency-Key.
    """

    method: str
    url: str
    body: Body
    answer: Answer
    document: str = ""
    idempotent: bool = False


def _block(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def curl(request: Request) -> str:
    """Return a command of a shell."""
    options = ["--fail-with-body"]
    before = ""
    match request.body:
        case Body.FORM:
            options.append(f"-F image=@{FILE}")
        case Body.RAW:
            options += [f"--data-binary @{FILE}", '-H "Content-Type: image/png"']
        case Body.BATCH:
            before = (
                """printf '{"drawings": [{"image": "data:image/png;base64,%s"}]}' \\\n"""
                f"""  "$(base64 < {FILE} | tr -d '\\n')" |\n"""
            )
            options += ["-d @-", '-H "Content-Type: application/json"']
        case Body.JSON:
            options += [f"-d '{request.document}'", '-H "Content-Type: application/json"']
    match request.answer:
        case Answer.PAGES:
            options.append("-G -d limit=20")
        case Answer.FILE:
            options.append(f"-o {SAVED}")
    if request.body is Body.NOTHING and request.method != "GET":
        options.append(f"-X {request.method}")
    options.append(f'-H "Authorization: {AUTHORIZATION}"')
    return before + " \\\n  ".join([f"curl {options[0]}", *options[1:], request.url])


def python(request: Request) -> str:
    """Return a program for Python 3 with the package requests."""
    if request.answer is Answer.PAGES:
        return _block(*PYTHON_PAGES).replace("ADDRESS", request.url)
    imports, before, argument = _python_body(request)
    headers = f'"Authorization": "{AUTHORIZATION}"'
    if request.idempotent:
        imports = [*imports, "import uuid"]
        headers += ', "Idempotency-Key": str(uuid.uuid4())'
    if request.body is Body.RAW:
        headers += ', "Content-Type": "image/png"'
    call = _block(
        f"answer = requests.{request.method.lower()}(",
        f'    "{request.url}",',
        f"    {argument}," if argument else "",
        f"    headers={{{headers}}},",
        "    timeout=30,",
        ")",
    )
    if request.body in (Body.FORM, Body.RAW):
        call = f'with open("{FILE}", "rb") as picture:\n' + indent(call, "    ")
    head = _block(*imports) + "\n\n" if imports else ""
    return (
        f"{head}import requests\n\n"
        + _block(before, call, "answer.raise_for_status()")
        + "\n"
        + PYTHON_ENDS[request.answer]
    )


def _python_body(request: Request) -> tuple[list[str], str, str]:
    """Return the imports, the statements before the call, and its argument with the body."""
    match request.body:
        case Body.FORM:
            return [], "", 'files={"image": picture}'
        case Body.RAW:
            return [], "", "data=picture"
        case Body.BATCH:
            read = _block(
                f'with open("{FILE}", "rb") as picture:',
                "    encoded = base64.b64encode(picture.read()).decode()",
                'drawing = {"image": f"data:image/png;base64,{encoded}"}',
            )
            return ["import base64"], read, 'json={"drawings": [drawing]}'
        case Body.JSON:
            return [], "", f"json={request.document}"
    return [], "", ""


PYTHON_PAGES: Sequence[str] = (
    "import requests\n",
    'query = {"limit": 100}',
    "while True:",
    "    answer = requests.get(",
    '        "ADDRESS",',
    "        params=query,",
    f'        headers={{"Authorization": "{AUTHORIZATION}"}},',
    "        timeout=30,",
    "    )",
    "    answer.raise_for_status()",
    "    page = answer.json()",
    '    for prediction in page["predictions"]:',
    '        print(prediction["id"], prediction["digit"])',
    '    if page["older"] is None:',
    "        break",
    '    query["older"] = page["older"]',
)
PYTHON_ENDS = {
    Answer.JSON: "print(answer.json())",
    Answer.FILE: f'with open("{SAVED}", "wb") as file:\n    file.write(answer.content)',
    Answer.NOTHING: "print(answer.status_code)  # 204",
}


def javascript(request: Request) -> str:
    """Return a module for Node.js, Deno or Bun."""
    if request.answer is Answer.PAGES:
        return _block(*JAVASCRIPT_PAGES).replace("ADDRESS", request.url)
    modules = []
    if request.body in (Body.FORM, Body.RAW, Body.BATCH):
        modules.append("readFile")
    if request.answer is Answer.FILE:
        modules.append("writeFile")
    imported = f'import {{ {", ".join(modules)} }} from "node:fs/promises";\n\n' if modules else ""
    before, headers, body = _javascript_body(request)
    headers = [f'Authorization: "{AUTHORIZATION}"', *headers]
    if request.idempotent:
        headers.append('"Idempotency-Key": crypto.randomUUID()')
    call = _block(
        f'const url = "{request.url}";',
        "const answer = await fetch(url, {",
        f'  method: "{request.method}",' if request.method != "GET" else "",
        f"  headers: {{ {', '.join(headers)} }},"
        if len(headers) < 2
        else "  headers: {\n    " + ",\n    ".join(headers) + ",\n  },",
        f"  {body}," if body else "",
        "  signal: AbortSignal.timeout(30_000),",
        "});",
        "if (!answer.ok) throw new Error(await answer.text());",
    )
    return imported + _block(before, call, JAVASCRIPT_ENDS[request.answer])


def _javascript_body(request: Request) -> tuple[str, list[str], str]:
    """Return the statements before the call, headers of the body, and the option with it."""
    as_json = ['"Content-Type": "application/json"']
    match request.body:
        case Body.FORM:
            form = _block(
                "const form = new FormData();",
                f'form.set("image", new Blob([await readFile("{FILE}")]), "{FILE}");',
            )
            return form, [], "body: form"
        case Body.RAW:
            return "", ['"Content-Type": "image/png"'], f'body: await readFile("{FILE}")'
        case Body.BATCH:
            read = _block(
                f'const encoded = (await readFile("{FILE}")).toString("base64");',
                "const drawings = [{ image: `data:image/png;base64,${encoded}` }];",
            )
            return read, as_json, "body: JSON.stringify({ drawings })"
        case Body.JSON:
            return "", as_json, f"body: JSON.stringify({request.document})"
    return "", [], ""


JAVASCRIPT_PAGES: Sequence[str] = (
    'const url = new URL("ADDRESS");',
    'url.searchParams.set("limit", "100");',
    "for (;;) {",
    "  const answer = await fetch(url, {",
    f'    headers: {{ Authorization: "{AUTHORIZATION}" }},',
    "    signal: AbortSignal.timeout(30_000),",
    "  });",
    "  if (!answer.ok) throw new Error(await answer.text());",
    "  const page = await answer.json();",
    "  for (const { id, digit } of page.predictions) console.log(id, digit);",
    "  if (page.older === null) break;",
    '  url.searchParams.set("older", page.older);',
    "}",
)
JAVASCRIPT_ENDS = {
    Answer.JSON: "console.log(await answer.json());",
    Answer.FILE: f'await writeFile("{SAVED}", new Uint8Array(await answer.arrayBuffer()));',
    Answer.NOTHING: "console.log(answer.status); // 204",
}

LANGUAGES: dict[str, Callable[[Request], str]] = {
    "curl": curl,
    "Python": python,
    "JavaScript": javascript,
}
