#!/usr/bin/python3
"""apt-proxy.py ADDRESS PORT STORE RUN MIRROR...: for lan.sh. A caching HTTP proxy for apt that knows only these mirrors.

MIRROR is as in sources.list (http://host/path). Clients that ask for one file at one moment wait for one fetch. What
has a name that changes with its content (packages, indexes by hash) is kept in STORE for all later runs; the rest is
kept in RUN, for the life of the LAN. The file RUN/fault makes the mirror fail: `gone` (404), `busy` (503), `stall`
(answers never come), `forbidden` (403).
"""
import http.server
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

STORE, RUN = sys.argv[3], sys.argv[4]
MIRRORS = {re.sub("^[a-z]*://", "", url).rstrip("/"): url.rstrip("/") for url in sys.argv[5:]}
FOR_EVER = re.compile(r"/pool/|/by-hash/")
STALL_SECONDS = 3600
locks, locks_lock = {}, threading.Lock()


def fault():
    try:
        with open(os.path.join(RUN, "fault")) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def fetch(name, url):
    """The file of that name, from the mirror when it is not here yet."""
    path = os.path.join(STORE if FOR_EVER.search(name) else RUN, "files", name)
    with locks_lock:
        lock = locks.setdefault(name, threading.Lock())
    with lock:
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with urllib.request.urlopen(url, timeout=60) as answer:
                with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), prefix=".part-", delete=False) as part:
                    try:
                        shutil.copyfileobj(answer, part)
                        length = answer.headers.get("Content-Length")
                        if length and int(length) != part.tell():
                            raise OSError("the mirror's answer was cut")
                        changed = answer.headers.get("Last-Modified")
                        os.chmod(part.name, 0o644)
                        part.close()
                        if changed:
                            when = time.mktime(time.strptime(changed, "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
                            os.utime(part.name, (when, when))
                        os.rename(part.name, path)
                    except BaseException:
                        os.unlink(part.name)
                        raise
    return path


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Without a buffer each line of a header is a packet.
    wbufsize = 65536

    def do_GET(self):
        name = re.sub("^[a-z]*://", "", self.path)
        mirror = next((m for m in MIRRORS if name.startswith(m + "/")), None)
        broken = fault()
        if broken == "stall":
            time.sleep(STALL_SECONDS)
        if broken in ("gone", "busy", "forbidden") or mirror is None or ".." in name:
            return self.send_error({"gone": 404, "busy": 503}.get(broken, 403))
        try:
            path = fetch(name, MIRRORS[mirror] + name[len(mirror) :])
        except urllib.error.HTTPError as error:
            return self.send_error(error.code)
        except OSError as error:
            return self.send_error(502, explain=str(error))
        with open(path, "rb") as file:
            about = os.fstat(file.fileno())
            changed = self.date_time_string(int(about.st_mtime))
            if self.headers.get("If-Modified-Since") == changed:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(about.st_size))
            self.send_header("Last-Modified", changed)
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, 1 << 18)

    def log_message(self, *_):
        pass

    def log_error(self, text, *arguments):
        print(self.path if hasattr(self, "path") else "-", text % arguments, flush=True)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


Server((sys.argv[1], int(sys.argv[2])), Proxy).serve_forever()
