#!/usr/bin/python3
# A web server for the files below a directory: GET and HEAD, one request a connection. The standard
# library speaks HTTP; added are the wall around the directory and the bounds on the client.
#
# inetd.conf: 10080 stream tcp nowait nobody /usr/libexec/inetd/web.py web.py /srv/www
# try: curl http://localhost:10080/

import contextlib
import http.server
import os
import signal
import socket
import sys
import urllib.parse

root = os.path.realpath(sys.argv[1] if sys.argv[1:] else "/srv/www")
patience = int(sys.argv[2]) if sys.argv[2:] else 30  # seconds for the request, then for each write


def shown(path):
    """Whether it lies below the root, wherever links lead, and can be read without waiting."""
    place = os.path.realpath(path)
    plain = os.path.isfile(place) or os.path.isdir(place)
    fit = plain and os.access(place, os.R_OK) or not os.path.exists(place)
    return fit and os.path.commonpath([root, place]) == root


class Handler(http.server.SimpleHTTPRequestHandler):
    timeout = patience
    default_request_version = "HTTP/1.0"  # of what is garbage, so that it is refused with a status
    server_version, sys_version = "inetd", ""
    log_message = lambda *_: None  # it would go to standard error, which is the client

    def send_head(self):
        signal.alarm(0)
        asked = urllib.parse.unquote(self.path.partition("?")[0])
        if not asked.startswith("/") or "\0" in asked:
            return self.send_error(400)
        path = self.translate_path(self.path)
        places = path, path + "/index.html", path + "/index.htm"
        if ".." in asked.split("/") or not all(map(shown, places)):
            return self.send_error(403)
        return super().send_head()

    def do_POST(self):
        self.send_error(405)

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_POST

    def send_response(self, code, message=None):
        super().send_response(code, message)
        self.send_header("Allow", "GET, HEAD")

    def guess_type(self, path):
        kind = super().guess_type(path)
        return kind + "; charset=utf-8" if kind.startswith("text/") else kind


with contextlib.suppress(OSError), socket.socket(fileno=0) as client:
    signal.alarm(patience)
    Handler(client, client.getpeername(), None, directory=root)
    # To close while something is unread would reset the connection, and the answer might get lost.
    client.shutdown(socket.SHUT_WR)
    signal.alarm(patience)
    client.settimeout(2)
    while client.recv(65536):
        pass
