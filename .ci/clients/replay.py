"""Lives the table with Python's standard library, and with curl.

    replay.py TABLE CA-FILE
"""

import json
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request


def urllib_client(ca):
    context = ssl.create_default_context(cafile=ca)
    https = urllib.request.HTTPSHandler(context=context)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)

    def call(method, url, headers, form):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()

    return call


def curl_client(ca, protocol, version):
    curl = shutil.which("curl")

    def call(method, url, headers, form):
        args = [curl, "-q", "-sS", "--noproxy", "*", "--max-time", "30", "--cacert", ca, protocol, "-X", method, url]
        for name, value in headers.items():
            args += ["-H", f"{name}: {value}"]
        for name, value in (form or {}).items():
            args += ["--data-urlencode", f"{name}={value}"]
        args += ["-w", "\n%{http_code} %{http_version}"]
        out = subprocess.run(args, check=True, capture_output=True).stdout
        body, _, end = out.rpartition(b"\n")
        status, spoken = end.decode().split()
        if spoken != version:
            raise RuntimeError(f"curl {protocol} spoke HTTP/{spoken}")
        return int(status), body

    return call


def live(product, call):
    """Goes through the life of a client at one product."""
    kept = {}

    def put(text):
        for word, value in kept.items():
            text = text.replace(word, value)
        return text

    for step in product["life"]:
        headers = {"Accept": "application/json", **product["headers"]}
        if "bearer" in step:
            headers["Authorization"] = "Bearer " + put(step["bearer"])
        form = {n: put(v) for n, v in step["form"].items()} if "form" in step else None
        status, body = call(step["method"], product["url"] + put(step["path"]), headers, form)
        if status != step["status"]:
            raise RuntimeError(f"{step['name']}: got {status}, want {step['status']}: {body[:300]!r}")
        for word, members in step.get("keeps", {}).items():
            value = json.loads(body)
            for member in members:
                value = value[member]
            kept[word] = value


def main():
    table, ca = sys.argv[1:]
    with open(table, encoding="utf-8") as file:
        products = json.load(file)
    clients = {
        "Python urllib": urllib_client(ca),
        "curl --http1.1": curl_client(ca, "--http1.1", "1.1"),
        "curl --http2": curl_client(ca, "--http2", "2"),
    }
    failed = False
    for name, call in clients.items():
        lived = 0
        for product in products:
            try:
                live(product, call)
                lived += 1
            except Exception as error:  # whatever it is, the others have their turn
                failed = True
                print(f"{name}: {product['id']}: {error}", file=sys.stderr)
        print(f"{name}: {lived} products")
    sys.exit(failed)


main()
