"""People before a browser: a citizen with a phone, staff at a desk, a crew on the road."""

import json
import uuid
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

from infra.local.tools import ROOT
from tests.local.running import Platform

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1366, "height": 768}
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
Colours = Literal["light", "dark"]


class People:
    """Opens pages as somebody, and remembers what their consoles complained of."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def context(
        self, size: ViewportSize, *, colours: Colours = "light", mobile: bool = False
    ) -> BrowserContext:
        made = self.browser.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            color_scheme=colours,
            is_mobile=mobile,
            has_touch=mobile,
            reduced_motion="reduce",
        )
        self._contexts.append(made)
        return made

    def page(self, context: BrowserContext) -> Page:
        made = context.new_page()
        made.set_default_timeout(60_000)
        made.on("pageerror", lambda error: self.complaints.append(str(error)))
        made.on("console", self._heard)
        return made

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def citizen(self, *, colours: Colours = "light", width: int = 390) -> Page:
        size: ViewportSize = {"width": width, "height": 844}
        made = self.page(self.context(size, colours=colours, mobile=True))
        made.goto(self.url + "/")
        return made

    def staff(
        self, staff_id: str, *, size: ViewportSize | None = None, colours: Colours = "light"
    ) -> Page:
        """Sign in at the office as one of the demo staff."""
        made = self.page(self.context(size or DESK, colours=colours))
        made.goto(self.url + "/office")
        made.locator(f"button[value='{staff_id}']").click()
        made.wait_for_url("**/office#/**")
        return made

    def leave(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.complaints == []


def axe(page: Page) -> list[str]:
    """Return what axe finds against WCAG A and AA: rule and element."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    return [
        f"{violation['id']}: {node['target']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


class Desk:
    """The API as a script of the staff's would use it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._tokens: dict[str, str] = {}

    def token(self, staff_id: str) -> str:
        if staff_id not in self._tokens:
            _, answer = self.platform.ask(
                "POST",
                "/token",
                f"grant_type=urn:lightkeeper:demo&client_id=lightkeeper-office&sub={staff_id}",
                port=self.platform.issuer_port,
                **{"Content-Type": "application/x-www-form-urlencoded"},
            )
            self._tokens[staff_id] = answer["access_token"]
        return self._tokens[staff_id]

    def ask(self, staff_id: str, method: str, path: str, body: Any = None) -> Any:
        """Return the answer; anything but success fails."""
        headers = {"Authorization": f"Bearer {self.token(staff_id)}"}
        if method != "GET":
            headers["Idempotency-Key"] = str(uuid.uuid4())  # noqa: TID251 - a caller's own key
        status, answer = self.platform.ask(method, f"/api/v1{path}", body, None, **headers)
        assert status < 300, (status, answer)
        return answer

    def report(self, **said: Any) -> dict[str, Any]:
        """File a fault as a citizen would; return number, token and order."""
        body = {
            "kind": "fault",
            "place": "QH-04-T06",
            "phone": "16900005678",
            "answers": {"description": "家里没电了", "symptom": "no_power"},
            **said,
        }
        status, answer = self.platform.ask(
            "POST",
            "/api/v1/public/orders",
            body,
            None,
            **{"Idempotency-Key": str(uuid.uuid4())},  # noqa: TID251
        )
        assert status == 201, answer
        return dict(answer)

    def move(self, staff_id: str, number: str, name: str, **data: Any) -> Any:
        return self.ask(staff_id, "POST", f"/orders/{number}/moves/{name}", data)

    def texts(self) -> list[dict[str, Any]]:
        kept = Path(self.platform.data) / "phone.jsonl"
        if not kept.exists():
            return []
        whole, _, _being_written = kept.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]
