"""The Python SDK over TLS: over_tls.py HOST:PORT USER PASSWORD AUTHORITY_FILE

The SDK opens its channel itself, without TLS. Whoever uses it over TLS gives it another one, as here."""

import sys

import grpc
from immudb import ImmudbClient

url, user, password, authority_file = sys.argv[1:5]
with open(authority_file, "rb") as file:
    credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
grpc.insecure_channel = lambda target, options=None: grpc.secure_channel(target, credentials, options)

client = ImmudbClient(url, max_grpc_message_length=16 * 1024 * 1024)
client.login(user, password)
value = bytes(range(256)) * 16384
client.set(b"over:tls", value)
assert client.get(b"over:tls").value == value
assert client.verifiedSet(b"over:tls:verified", b"v").verified
assert client.verifiedGet(b"over:tls:verified").verified
client.logout()
client.shutdown()
print("over TLS: done")
