"""TLS for tests: certificates made with openssl(1) when they are needed, and a socket by Python's ssl."""

import contextlib
import socket
import ssl
import subprocess

from . import PATIENCE


def make_pair(directory, name="localhost", stem="server", days=2, alternative="DNS:localhost,IP:127.0.0.1"):
    """(certificate, key): files of a pair that signs itself, for localhost and 127.0.0.1."""
    cert, key = directory / f"{stem}.pem", directory / f"{stem}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(cert), "-days", str(days), "-subj", f"/CN={name}"]
        + ["-addext", f"subjectAltName={alternative}"],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    return cert, key


def context_for(cert, version=None, protocols=("http/1.1",)):
    """A client's context that trusts this certificate; `version`, of ssl.TLSVersion: no other."""
    context = ssl.create_default_context(cafile=str(cert))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def settings_for(pair):
    return {"listen.tls_cert": str(pair[0]), "listen.tls_key": str(pair[1])}


class SecureSocket:
    """What the harness needs of a socket, over TLS.

    Who polls asks for more than RECORD: what is read, and the part of a record that came before it, fit into
    that, so nothing stays behind that poll(2) does not see.
    """

    RECORD = 5 + (1 << 14) + 256  # the longest (RFC 8446, 5.2)

    def __init__(self, s, context, session=None):
        self.socket = s
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="localhost", session=session)
        self._plain = bytearray()
        self._sealed = bytearray()  # what the socket has not taken yet
        self._ended = False
        while not self._handshake():
            self._feed(1 << 16, 0)

    def _handshake(self):
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush(0)

    def _flush(self, flags):
        self._sealed += self._out.read()
        while self._sealed:
            del self._sealed[: self.socket.send(self._sealed, flags | socket.MSG_NOSIGNAL)]

    def _feed(self, size, flags):
        data = self.socket.recv(max(size - self.RECORD, 1), flags)
        if data:
            self._in.write(data)
        else:
            self._ended = True
            self._in.write_eof()

    def _open(self):
        """Moves what is here into the clear."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLEOFError):
            while data := self.tls.read(1 << 16):
                self._plain += data
            self._ended = True  # close_notify

    def recv(self, size, flags=0):
        self._open()
        while not self._plain and not self._ended:
            self._feed(size, flags)
            self._open()
        data = bytes(self._plain[:size])
        del self._plain[:size]
        return data

    def send(self, data, flags=0):
        """All of it is taken, unless what was taken before is still not gone."""
        self._flush(flags)
        self.tls.write(data)
        with contextlib.suppress(BlockingIOError):
            self._flush(flags)
        return len(data)

    def sendall(self, data):
        self.tls.write(data)
        self._flush(0)

    def shutdown(self, how):
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        with contextlib.suppress(OSError):
            self._flush(0)
        self.socket.shutdown(how)

    def __getattr__(self, name):
        return getattr(self.socket, name)

    def __enter__(self):
        return self

    def __exit__(self, *trace):
        self.socket.close()
