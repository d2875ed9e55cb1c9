"""Chromium without a window, for the tests of the report page."""

import json
import shutil
import time
from pathlib import Path

import pytest

CHROMIUM, CHROMEDRIVER = "chromium", "chromedriver"
WINDOW_PX = (1500, 1100)
_READY_S = 60
_SETTLED_S = 20


def chromium_driver():
    """A driver of headless Chromium; where there is none, skips and says what to install."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs pip install selenium")
    paths = shutil.which(CHROMIUM), shutil.which(CHROMEDRIVER)
    if None in paths:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = paths[0]
    width, height = WINDOW_PX
    for argument in (
        "--headless=new",
        "--no-sandbox",  # containers run tests as root
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--force-prefers-reduced-motion",
        f"--window-size={width},{height}",
    ):
        options.add_argument(argument)
    # Every request of the page, so that a test sees one that leaves the machine.
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(paths[1]))
    driver.set_script_timeout(_READY_S)
    return driver


class Page:
    """The report in a browser: what a reader does, and what he then sees."""

    def __init__(self, driver, path: Path) -> None:
        self.driver = driver
        driver.get_log("browser")  # what an earlier page left
        driver.get_log("performance")
        driver.get(path.as_uri())
        self.wait_until("return document.documentElement.dataset.ready === 'yes'", _READY_S)

    def run(self, script: str, *arguments):
        """The value that a piece of script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait_until(self, script: str, seconds: float = _SETTLED_S) -> None:
        """Waits for a script to return something true; another process may have the machine."""
        deadline = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < deadline, f"still false after {seconds} s: {script}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """What an element shows."""
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def click(self, selector: str) -> None:
        """Clicks an element, wherever it is on the page."""
        self.run("document.querySelector(arguments[0]).click()", selector)

    def point_at(self, lane: str, time_us: float, *, run: int = 0, is_click: bool = False) -> None:
        """Moves the pointer to a moment of a lane, as a hand would, and clicks if asked."""
        from selenium.webdriver.common.actions.action_builder import (  # noqa: PLC0415
            ActionBuilder,
        )

        x, y = self.run(
            "const run = npusim.runs[arguments[0]];"
            "return npusim.locate(run, run.lanes.name.indexOf(arguments[1]), arguments[2])",
            run,
            lane,
            time_us,
        )
        action = ActionBuilder(self.driver)
        action.pointer_action.move_to_location(round(x) - 3, round(y))
        action.pointer_action.move_to_location(round(x), round(y))
        if is_click:
            action.pointer_action.click()
        action.perform()

    def colour_at(self, lane: str, time_us: float, *, run: int = 0) -> list[int]:
        """Red, green, blue and alpha that the raster holds at a moment of a lane."""
        return self.run(
            "const run = npusim.runs[arguments[0]];"
            "const data = npusim.plots.doc.get_model_by_name(`raster-${run.index}`).data;"
            "const [height, width] = data.image[0].shape;"
            "const row = run.lanes.row[run.lanes.name.indexOf(arguments[1])];"
            "const x = Math.floor((arguments[2] - data.x[0]) / data.dw[0] * width);"
            "const y = Math.floor((-row - data.y[0]) / data.dh[0] * height);"
            "const pixel = data.image[0][y * width + x];"
            "return [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255, pixel >>> 24]",
            run,
            lane,
            time_us,
        )

    def problems(self) -> list[str]:
        """What the console reports as a warning or an error."""
        entries = self.driver.get_log("browser")
        return [one["message"] for one in entries if one["level"] in {"WARNING", "SEVERE"}]

    def requests(self) -> list[str]:
        """Addresses that the page asked for, itself included; data within it does not count."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [one for one in found if not one.startswith(("data:", "blob:"))]
