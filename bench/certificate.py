"""A certificate for 127.0.0.1 that nobody has signed, for servers of benchmarks and their tests."""

import os
import subprocess


def make(folder):
    """The files of a key and a certificate, in `folder`."""
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench -addext"
    subprocess.run(
        [*command.split(), "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True,
        capture_output=True,
    )
    return key, cert
