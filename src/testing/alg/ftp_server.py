# An FTP server for tests (Debian: python3-pyftpdlib): ADDRESS PORT DIRECTORY.
# User u, password p. Says who connects, on standard output, one line each.
import logging
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer


class Handler(FTPHandler):
    def on_login(self, username):
        print("login", self.remote_ip, flush=True)


logging.basicConfig(level=logging.WARNING)
address, port, directory = sys.argv[1:]
Handler.authorizer = DummyAuthorizer()
Handler.authorizer.add_user("u", "p", directory, perm="elradfmw")
server = FTPServer((address, int(port)), Handler)
print("ready", flush=True)
server.serve_forever()
