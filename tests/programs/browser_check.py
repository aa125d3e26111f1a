# SPDX-License-Identifier: MIT
"""A browser shows the pages of examples: chromium, driven through chromedriver.

For tools/check-long. Arguments: sse_clock, rest_todo, guestbook, photo_upload and websocket_chat. Screenshots go into the
folder that WRING_TEST_SCREENSHOTS names.
"""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import support

ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'  # the name of a reference to an element (W3C WebDriver, section 12)


class Browser:
    """One window of chromium without a screen."""

    def __init__(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = subprocess.Popen([shutil.which('chromedriver'), f'--port={port}'], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        support.connect_when_ready('127.0.0.1', port).close()
        self.url = f'http://127.0.0.1:{port}/session'
        arguments = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
                     f'--user-data-dir={self.profile.name}']
        options = {'binary': shutil.which('chromium'), 'args': arguments}
        made = self.call('POST', '', {'capabilities': {'alwaysMatch': {
            'browserName': 'chrome', 'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}}}})
        self.url += '/' + made['sessionId']

    def end(self):
        if self.driver.poll() is not None:
            return
        with contextlib.suppress(OSError):
            self.call('DELETE', '')
        self.driver.terminate()
        self.driver.wait()
        self.profile.cleanup()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {'Content-Type': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=support.PATIENCE) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, url):
        self.call('POST', '/url', {'url': url})

    def evaluate(self, script):
        return self.call('POST', '/execute/sync', {'script': 'return ' + script, 'args': []})

    def wait_for(self, script):
        """Until this is true in the page; gives it."""
        deadline = time.monotonic() + support.PATIENCE
        while time.monotonic() < deadline:
            if value := self.evaluate(script):
                return value
            time.sleep(0.02)
        raise AssertionError(f'{script} is never true; the page is {self.evaluate("document.body.outerHTML")}')

    def element(self, selector):
        return self.call('POST', '/element', {'using': 'css selector', 'value': selector})[ELEMENT]

    def click(self, selector):
        self.call('POST', f'/element/{self.element(selector)}/click', {})

    def type(self, selector, text):
        self.call('POST', f'/element/{self.element(selector)}/value', {'text': text})

    def screenshot(self, name):
        if folder := os.environ.get('WRING_TEST_SCREENSHOTS'):
            pathlib.Path(folder, name + '.png').write_bytes(base64.b64decode(self.call('GET', '/screenshot')))

    def complaints(self):
        """What stands in the console, but that there is no icon."""
        entries = self.call('POST', '/se/log', {'type': 'browser'})
        return [e['message'] for e in entries if 'favicon.ico' not in e['message']]


class BrowserCheck(support.ExampleTest):
    def setUp(self):
        for program in 'chromium', 'chromedriver':
            if not shutil.which(program):
                self.skipTest(f'there is no {program}')
        self.clock, self.todo, self.guestbook, self.photos, self.chat = self.programs

    def serve(self, program, *options):
        server = support.Server(program, *options)
        self.addCleanup(server.end)
        return server

    def browser(self):
        browser = Browser()
        self.addCleanup(browser.end)
        return browser

    def test_the_clock_runs_and_counts_who_watches(self):
        server = self.serve(self.clock, '--every', '100ms')
        url = f'http://{server.host}:{server.port}/'
        time_shown = 'document.getElementById("time").textContent'
        watching = 'document.getElementById("watching").textContent'
        first, second = self.browser(), self.browser()
        first.open(url)
        first.wait_for(f'/^[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}$/.test({time_shown})')
        first.wait_for(f'{watching} === "1"')
        before = first.evaluate(time_shown)
        first.wait_for(f'{time_shown} !== "{before}"')
        second.open(url)
        first.wait_for(f'{watching} === "2"')
        second.wait_for(f'{watching} === "2"')
        self.assertEqual(second.complaints(), [])
        second.end()
        first.wait_for(f'{watching} === "1"')
        self.assertEqual(first.complaints(), [])
        # When the server ends, the browser tries to come back; and does when there is one again.
        first.evaluate('(events.onopen = () => { window.back = true; }, true)')
        server.signal()
        self.assertEqual(server.wait(), 0, server.error_output())
        again = support.Server(self.clock, '--every', '100ms', port=server.port)
        self.addCleanup(again.end)
        first.wait_for('window.back')
        first.wait_for(f'{watching} === "1"')

    def test_things_to_do_are_added_done_and_removed(self):
        server = self.serve(self.todo)
        browser = self.browser()
        url = f'http://{server.host}:{server.port}/'
        browser.open(url)
        for title in 'buy milk', 'br\u00f6d & <b>butter</b>':
            browser.type('#title', title)
            browser.click('form button')
            browser.wait_for(f'list.lastElementChild && list.lastElementChild.textContent.includes({json.dumps(title)})')
        self.assertEqual(browser.evaluate('list.children.length'), 2)
        self.assertEqual(browser.evaluate('title.value'), '')
        browser.click('#list li:first-child input')
        browser.wait_for('list.firstElementChild.querySelector("input").checked')
        # It is the server that remembers.
        browser.open(url)
        browser.wait_for('list.children.length === 2')
        self.assertEqual(browser.evaluate('[...document.querySelectorAll("#list input")].map((i) => i.checked)'),
                         [True, False])
        browser.click('#list li:first-child button')
        browser.wait_for('list.children.length === 1')
        self.assertEqual(browser.evaluate('list.textContent.trim()'), 'br\u00f6d & <b>butter</b> remove')
        self.assertEqual(browser.complaints(), [])

    def test_visitors_of_the_guestbook_sign_and_are_known(self):
        server = self.serve(self.guestbook)
        url = f'http://{server.host}:{server.port}/'
        ann, bob = self.browser(), self.browser()
        ann.open(url)
        ann.type('[name=name]', 'Ann & <b>Co</b>')
        ann.type('[name=text]', 'hello "there"')
        ann.click('button')
        ann.wait_for('document.querySelector("li") && document.querySelector("li").textContent === '
                     '"Ann & <b>Co</b>: hello \\"there\\""')
        self.assertEqual(ann.evaluate('location.pathname'), '/')
        self.assertEqual(ann.evaluate('document.querySelector("[name=name]").value'), 'Ann & <b>Co</b>')
        self.assertEqual(ann.evaluate('document.cookie'), '')  # scripts do not see it
        bob.open(url)
        self.assertEqual(bob.evaluate('document.querySelector("[name=name]").value'), '')
        self.assertEqual(bob.evaluate('document.querySelectorAll("li").length'), 1)
        # A form with another's token.
        token = ann.evaluate('document.querySelector("[name=token]").value')
        bob.evaluate(f'(document.querySelector("[name=token]").value = "{token}", true)')
        bob.type('[name=name]', 'Bob')
        bob.type('[name=text]', 'x')
        bob.click('button')
        bob.wait_for('document.body.textContent.startsWith("403")')
        self.assertEqual(ann.complaints(), [])

    def test_photos_are_sent_with_a_bar(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        kept = pathlib.Path(folder.name, 'kept')
        kept.mkdir()
        photo = pathlib.Path(folder.name, 'cat.gif')
        pixel = b'GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;'
        photo.write_bytes(pixel + bytes(3_000_000))
        server = self.serve(self.photos, str(kept))
        browser = self.browser()
        browser.open(f'http://{server.host}:{server.port}/')
        browser.type('[type=file]', str(photo))
        browser.click('button')
        name = browser.wait_for('document.getElementById("state").textContent').strip()
        self.assertRegex(name, r'^/photos/[0-9a-f]{16}\.gif$')
        self.assertEqual(browser.evaluate('document.getElementById("bar").value'), 1)
        self.assertEqual((kept / name.rsplit('/', 1)[1]).read_bytes(), photo.read_bytes())
        self.assertEqual(browser.complaints(), [])
        browser.open(f'http://{server.host}:{server.port}{name}')
        self.assertEqual(browser.evaluate('document.images[0].naturalWidth'), 1)

    def test_people_chat_in_rooms(self):
        server = self.serve(self.chat)
        url = f'http://{server.host}:{server.port}/'
        lines = '[...document.querySelectorAll("#lines div")].map((line) => line.textContent)'
        present = 'document.getElementById("present").textContent'
        ann, bob = self.browser(), self.browser()
        for browser, name in ((ann, 'Ann & <b>Co</b>'), (bob, 'Bob')):
            browser.open(url)
            browser.type('#name', name)
            browser.click('#enter button')
            browser.wait_for(f'{present}.includes({json.dumps(name)})')
        ann.wait_for(f'{present} === "here: Ann & <b>Co</b>, Bob"')
        ann.wait_for(f'{lines}.includes("Bob comes in")')
        ann.type('#text', 'br\u00f6d & <i>butter</i>')
        ann.click('#say button')
        for browser in ann, bob:
            browser.wait_for(f'{lines}.includes("Ann & <b>Co</b>: br\u00f6d & <i>butter</i>")')
        bob.type('#text', 'hello "there"')
        bob.click('#say button')
        ann.wait_for(f'{lines}.includes("Bob: hello \\"there\\"")')
        ann.screenshot('websocket_chat')
        # Who comes later is shown what was said; in another room it is not heard.
        late = self.browser()
        late.open(url)
        late.type('#name', 'Late')
        late.click('#enter button')
        late.wait_for(f'{lines}.includes("Bob: hello \\"there\\"")')
        late.evaluate('(document.getElementById("room").value = "elsewhere", true)')
        late.click('#enter button')
        late.wait_for(f'{present} === "here: Late"')
        ann.wait_for(f'{lines}.includes("Late leaves")')
        self.assertEqual(late.evaluate(lines), [])
        bob.end()
        ann.wait_for(f'{lines}.includes("Bob leaves")')
        self.assertEqual(ann.complaints(), [])
        server.signal()
        ann.wait_for(f'{lines}.some((line) => line.startsWith("closed: 1001"))')
        self.assertEqual(server.wait(), 0, server.error_output())


if __name__ == '__main__':
    support.main()
