"""Makes a certificate for 127.0.0.1 that signs itself, and its key, with the suite's OpenSSL: certificate.py CERTIFICATE KEY"""
import os
import site
import sys

site.addsitedir(os.environ["AUTOBAHN_SITE"])

from OpenSSL import crypto  # noqa: E402

DAY_SECONDS = 24 * 60 * 60

key = crypto.PKey()
key.generate_key(crypto.TYPE_RSA, 2048)
certificate = crypto.X509()
certificate.set_version(2)  # counted from 0: the third has extensions
certificate.set_serial_number(1)
certificate.get_subject().CN = "127.0.0.1"
certificate.set_issuer(certificate.get_subject())
certificate.gmtime_adj_notBefore(-DAY_SECONDS)
certificate.gmtime_adj_notAfter(30 * DAY_SECONDS)
certificate.add_extensions([crypto.X509Extension(b"subjectAltName", False, b"IP:127.0.0.1")])
certificate.set_pubkey(key)
certificate.sign(key, "sha256")
with open(sys.argv[1], "wb") as file:
    file.write(crypto.dump_certificate(crypto.FILETYPE_PEM, certificate))
with open(sys.argv[2], "wb") as file:
    file.write(crypto.dump_privatekey(crypto.FILETYPE_PEM, key))
