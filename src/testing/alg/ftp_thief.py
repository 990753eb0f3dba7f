# An FTP client for tests that asks for a data connection and lets another address try it first: SERVER OTHER.
# Says what became of the other one, then of its own.
import ftplib
import socket
import sys

server, other = sys.argv[1:]


def attempt(place, source):
    try:
        with socket.create_connection(place, timeout=1, source_address=(source, 0)):
            return "connected"
    except OSError:
        return "refused"


control = ftplib.FTP(server, "u", "p", timeout=5)
place = (server, ftplib.parse229(control.sendcmd("EPSV"), control.sock.getpeername())[1])
print(attempt(place, other), attempt(place, ""))
